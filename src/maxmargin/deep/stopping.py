"""When a training ends before its last epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maxmargin._checks import InputError, check_choice, check_nonnegative

_SIGNS = {"validation_loss": -1.0, "validation_accuracy": 1.0}


@dataclass(frozen=True)
class EarlyStopping:
    """End a training that no longer improves on the validation rows, and return to its best epoch.

    Parameters
    ----------
    patience : int, default=10
        Epochs without an improvement after which it ends.
    monitor : {"validation_accuracy", "validation_loss"}, default="validation_accuracy"
        What must improve.
    least : float, default=0.0
        By how much, to count.

    Examples
    --------
    >>> stopping = EarlyStopping(patience=2)
    >>> accuracies = [0.5, 0.7, 0.6, 0.7]
    >>> stopping.is_over([{"validation_accuracy": value} for value in accuracies])
    True
    """

    patience: int = 10
    monitor: str = "validation_accuracy"
    least: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.monitor, _SIGNS, "monitor")
        check_nonnegative(self.least, "least")
        if self.patience < 1:
            raise InputError(f"patience is {self.patience!r}; it must be at least 1")

    def best(self, records: Sequence[dict[str, Any]]) -> int:
        """Index of the best epoch."""
        best = 0
        for i, record in enumerate(records):
            gain = _SIGNS[self.monitor] * (record[self.monitor] - records[best][self.monitor])
            if gain > self.least:
                best = i
        return best

    def is_over(self, records: Sequence[dict[str, Any]]) -> bool:
        """Whether the last ``patience`` epochs brought nothing."""
        return len(records) - 1 - self.best(records) >= self.patience

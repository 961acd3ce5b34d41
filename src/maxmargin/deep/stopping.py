"""When a training ends before its last epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maxmargin._checks import check_choice, check_count, check_nonnegative

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
        check_count(self.patience, "patience")

    def best(self, records: Sequence[dict[str, Any]]) -> int:
        """Index of the best epoch."""
        values = [_SIGNS[self.monitor] * record[self.monitor] for record in records]
        best = 0
        for i, value in enumerate(values):
            # What is no number is worse than any.
            if value - values[best] > self.least or (math.isnan(values[best]) and not math.isnan(value)):
                best = i
        return best

    def is_over(self, records: Sequence[dict[str, Any]]) -> bool:
        """Whether the last ``patience`` epochs brought nothing."""
        return len(records) - 1 - self.best(records) >= self.patience

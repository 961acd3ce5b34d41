"""What a comparison found, in the form that words, tables and figures are made from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maxmargin.metrics import Row

BASELINE = "dummy"
"""The method that does not look at the features."""


@dataclass(frozen=True, eq=False)
class MethodResult:
    """One method that finished every split.

    ``confusion`` and ``margins`` are gathered over all the splits; the seconds are medians over them.
    ``edges`` names, split by split, the chosen values that are the smallest or the largest of their grid.
    ``not_converged`` of ``fits`` fits, those of the validation included, stopped early. ``histories`` holds
    what each split's training of a network told of its epochs, ``filters`` the first of the first split.
    """

    method: str
    title: str
    row: Row
    accuracies: tuple[float, ...]
    confusion: NDArray[np.int64]
    recall: NDArray[np.float64]
    margins: NDArray[np.float64] | None
    fit_seconds: float
    predict_seconds: float
    tune_seconds: float
    params: tuple[dict[str, Any], ...]
    edges: tuple[dict[str, str], ...]
    fits: int
    not_converged: int
    warnings: tuple[str, ...]
    histories: tuple[list[dict[str, Any]], ...] = ()
    filters: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Failure:
    """A method that ended in an error; ``split`` is None where it did so outside the splits."""

    method: str
    split: int | None
    error: str


@dataclass(frozen=True)
class Unfinished:
    """A method that has results for some of the splits only."""

    method: str
    done: int


@dataclass(frozen=True, eq=False)
class ComparisonSummary:
    """All that a comparison's faces show; ``results`` holds the ranked methods, the best first.

    ``linear`` names the linear margin methods among those compared, ``networks`` what the deep ones train.
    """

    data: dict[str, Any]
    protocol: dict[str, Any]
    titles: dict[str, str]
    abouts: dict[str, str]
    linear: tuple[str, ...]
    versions: dict[str, str]
    commit: str | None
    started: str
    machine: dict[str, Any]
    classes: tuple[str, ...]
    results: tuple[MethodResult, ...]
    failures: tuple[Failure, ...]
    unfinished: tuple[Unfinished, ...]
    model: dict[str, Any] | None
    networks: dict[str, Any] | None = None

    @property
    def repeats(self) -> int:
        """Number of splits."""
        return self.protocol["repeats"]

    @property
    def tested(self) -> bool:
        """Whether there are splits enough for intervals and tests."""
        return self.repeats > 1

    @property
    def rivals(self) -> tuple[MethodResult, ...]:
        """Methods that the tests cannot tell apart from the best; none without tests."""
        return tuple(r for r in self.results[1:] if self.tested and not r.row.real)

    @property
    def worse(self) -> tuple[MethodResult, ...]:
        """Methods that are really worse than the best."""
        return tuple(r for r in self.results[1:] if r.row.real)

    @property
    def baseline(self) -> MethodResult | None:
        """The method that does not look at the features, where it took part."""
        return next((r for r in self.results if r.method == BASELINE), None)

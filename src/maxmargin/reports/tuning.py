"""From the records of a tuning to its summary, and from the summary to words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maxmargin._checks import InputError
from maxmargin.metrics import per_class_recall
from maxmargin.reports.fields import of_kind, study_of
from maxmargin.reports.formats import listing, percent, plain, points, setting
from maxmargin.reports.verdict import hardest_classes

_REQUIRED = {
    "study": (
        *("data.name", "data.classes", "title", "versions", "started", "machine"),
        *("protocol.method", "protocol.strategy"),
        *("protocol.n_train", "protocol.n_test", "protocol.n_folds"),
    ),
    "tuning": (
        *("params", "best", "candidates", "search_seconds", "resumed", "warnings"),
        *("test.accuracy", "test.interval", "test.confusion", "test.warnings"),
        *("model.method", "model.path", "model.warnings"),
    ),
}


@dataclass(frozen=True)
class Candidate:
    """One C and gamma: the grid that it is of, its accuracy over the folds, and the time of one fit."""

    C: float
    gamma: float
    stage: int
    mean: float
    std: float
    rank: int
    fit_seconds: float


@dataclass(frozen=True, eq=False)
class TuningSummary:
    """All that a tuning's faces show.

    ``candidates`` are in the order in which they were tried; ``confusion`` counts the test rows.
    """

    data: dict[str, Any]
    protocol: dict[str, Any]
    title: str
    params: dict[str, Any]
    versions: dict[str, str]
    commit: str | None
    started: str
    machine: dict[str, Any]
    classes: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    best: Candidate
    accuracy: float
    interval: tuple[float, float]
    confusion: NDArray[np.int64]
    model: dict[str, Any]
    search_seconds: float
    resumed: bool
    warnings: list[str]

    @property
    def stages(self) -> list[list[Candidate]]:
        """The candidates of each grid."""
        last = max(one.stage for one in self.candidates)
        return [[one for one in self.candidates if one.stage == stage] for stage in range(last + 1)]

    @property
    def ranked(self) -> list[Candidate]:
        """Every C and gamma once, the best first and of equals the first tried."""
        found: dict[tuple[float, float], Candidate] = {}
        for one in sorted(self.candidates, key=lambda one: one.rank):
            found.setdefault((one.C, one.gamma), one)
        return list(found.values())

    @property
    def edges(self) -> dict[str, str]:
        """Which of the chosen values is the smallest or the largest that was tried."""
        found = {}
        for name in ("C", "gamma"):
            tried = [getattr(one, name) for one in self.candidates]
            value = getattr(self.best, name)
            if value in (min(tried), max(tried)):
                found[name] = "smallest" if value == min(tried) else "largest"
        return found

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of each class that was recognised among the test rows."""
        return per_class_recall(self.confusion)


def summarise_tuning(records: Sequence[dict[str, Any]]) -> TuningSummary:
    """Gather the records of a tuning into what can be said about it.

    Raises
    ------
    InputError
        If the record of the study or of its outcome is missing or lacks a field, or its format is unknown.
    """
    study = study_of(records, _REQUIRED, "tuning")
    outcomes = of_kind(records, "tuning")
    if not outcomes:
        raise InputError(f"none of the {len(records)} records is of kind 'tuning'; finish the run first")
    found = outcomes[-1]
    names = Candidate.__dataclass_fields__
    candidates = [Candidate(**{name: one[name] for name in names}) for one in found["candidates"]]
    test, model = found["test"], found["model"]
    return TuningSummary(
        data=study["data"],
        protocol=study["protocol"],
        title=plain(study["title"]),
        params=found["params"],
        versions=study["versions"],
        commit=study.get("commit"),
        started=study["started"],
        machine=study["machine"],
        classes=tuple(plain(name) for name in study["data"]["classes"]),
        candidates=tuple(candidates),
        best=candidates[found["best"]],
        accuracy=test["accuracy"],
        interval=(test["interval"][0], test["interval"][1]),
        confusion=np.array(test["confusion"], dtype=np.int64),
        model=model,
        search_seconds=found["search_seconds"],
        resumed=found["resumed"],
        warnings=_once([*found["warnings"], *test["warnings"], *model["warnings"]]),
    )


def tuning_verdict(summary: TuningSummary) -> list[str]:
    """Say what a tuning found and how far it can be trusted, the most important first."""
    hardest = hardest_classes(summary.recall, summary.classes, "it")
    return [
        _headline(summary),
        _edge(summary),
        *_equals(summary),
        _against_guessing(summary),
        hardest[0].upper() + hardest[1:],
        _basis(summary),
    ]


def _headline(summary: TuningSummary) -> str:
    best, (low, high) = summary.best, summary.interval
    return (
        f"{summary.title} does best with {_named('C', best.C)} and {_named('gamma', best.gamma)}: "
        f"{percent(best.mean)} right in cross-validation and {percent(summary.accuracy)} of the "
        f"{summary.protocol['n_test']} test rows, which had no part in the choice "
        f"(95 % interval {points(low)} to {points(high)} %)."
    )


def _edge(summary: TuningSummary) -> str:
    edges = summary.edges
    if not edges:
        return "Both values lie inside the range that was tried, so there is no sign that it was too narrow."
    which = [f"{_named(name, getattr(summary.best, name))} is the {end}" for name, end in edges.items()]
    return (
        f"{listing(which)} value tried, so a wider range may do better: KernelSearchCV takes other values of "
        f"{listing(list(edges))}."
    )


def _equals(summary: TuningSummary) -> list[str]:
    others = sum(one.rank == summary.best.rank for one in summary.ranked) - 1
    if not others:
        return []
    who = "Another candidate has" if others == 1 else f"{others} other candidates have"
    return [f"{who} the same accuracy in cross-validation; of equals the first tried is taken."]


def _against_guessing(summary: TuningSummary) -> str:
    guess = float(summary.confusion.sum(axis=1).max() / summary.confusion.sum())
    share = f"guessing the most frequent class would get {percent(guess)} of the test rows right"
    return f"Always {share}{'' if summary.accuracy > guess else ', which is no less'}."


def _basis(summary: TuningSummary) -> str:
    protocol = summary.protocol
    return (
        f"This rests on one random split into {protocol['n_train']} training and {protocol['n_test']} test "
        f"rows; the accuracy in cross-validation is that of the best of {len(summary.ranked)} candidates and "
        "so a little too high. The interval is Wilson's (1927)."
    )


def _named(name: str, value: float) -> str:
    return f"{name}\xa0=\xa0{setting(value)}"


def _once(messages: list[str]) -> list[str]:
    return list(dict.fromkeys(map(plain, messages)))

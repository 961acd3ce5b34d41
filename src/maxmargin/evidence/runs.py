"""Which runs a table or a figure shows: those with the settings that validation rows choose.

A grid that was widened may choose anew and be tested anew, and leaves the tests of the earlier choice among
the records. They are no repetitions of the present ones, so they are told apart by the runs that chose.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np

Run = Mapping[str, Any]

REPETITIONS = ("seed", "repeat", "fold")
"""What tells the repetitions of a run apart."""

SELECTION = "selection"
"""Kind of the runs that choose settings on validation rows."""

_SEARCH = "search"  # kind of the runs that hold a whole grid
_FEWEST = 3  # values, of which one can lie inside
_MEASURED_FROM = "seconds"  # what stands before it in a record tells the run from every other one
_ABOUT = {"experiment", "scale", "versions", "commit", "machine", "device", "kind", *REPETITIONS}
_CHOSEN_BY = {"error": -1, "accuracy": 1, "score": 1}  # the first that the runs have; 1 where more is better


def with_entries(runs: Iterable[Run], where: Mapping[str, Any]) -> list[Run]:
    """Those that have these entries."""
    return [run for run in runs if where.items() <= run.items()]


def grouped(runs: Iterable[Run], names: Sequence[str]) -> dict[tuple[Any, ...], list[Run]]:
    """Runs by the values of these entries, in the order of their first occurrence.

    Examples
    --------
    >>> list(grouped([{"C": 1, "seed": 0}, {"C": 2, "seed": 0}, {"C": 1, "seed": 1}], ["C"]))
    [(1,), (2,)]
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(run.get(name) for name in names), []).append(run)
    return groups


def shown_runs(runs: Sequence[Run], where: Mapping[str, Any], apart: Sequence[str]) -> list[Run]:
    """Runs with these entries, without those whose settings are no longer the choice.

    The choice is that of the runs of kind "selection": the settings of the least mean ``error`` (or, where
    they have none, of the highest ``accuracy`` or ``score``), by seed and by fold where it was made for each.
    Among equals, and where the choice is not tested yet, it is what was tested last.

    Parameters
    ----------
    runs : sequence of mapping
        All of an experiment at one scale, in the order of their writing.
    where : mapping
        What an entry of each has to be.
    apart : sequence of str
        Entries that tell the rows, columns, lines or panels apart: each has its own choice.

    Examples
    --------
    >>> def run(kind, C, error):
    ...     return {"kind": kind, "method": "svm", "seed": 0, "C": C, "seconds": 1.0, "error": error}
    >>> chosen = [run("selection", 1, 0.3), run("selection", 2, 0.2)]
    >>> tested = [run("test", 1, 0.25), run("test", 2, 0.35)]
    >>> [found["C"] for found in shown_runs(chosen + tested, {"kind": "test"}, ["method"])]
    [2]
    """
    found = with_entries(runs, where)
    selection = [run for run in runs if run.get("kind") == SELECTION]
    if where.get("kind") == SELECTION or not selection:
        return found
    told = dict.fromkeys([*apart, *where])
    kept: list[Run] = []
    for cell in grouped(found, apart).values():
        of_cell = {name: cell[0].get(name) for name in told if name != "kind"}
        tried = [run for run in selection if all(run.get(k, v) == v for k, v in of_cell.items())]
        kept += _of_the_choice(cell, tried, apart)
    ours = set(map(id, kept))
    return [run for run in found if id(run) in ours]


def settings_of(run: Run, apart: Sequence[str] = ()) -> dict[str, Any]:
    """What a run was told, beside what it repeats and what tells the rows of its table apart.

    Examples
    --------
    >>> run = {"kind": "test", "method": "svm", "seed": 0, "C": 2.0, "seconds": 1.0, "error": 0.1}
    >>> settings_of(run, ["method"])
    {'C': 2.0}
    """
    told = takewhile(lambda name: name != _MEASURED_FROM, run)
    return {name: run[name] for name in told if name not in {*_ABOUT, *_CHOSEN_BY, *apart}}


def repetition_of(run: Run) -> tuple[Any, ...]:
    """What tells it apart from the other repetitions of a run.

    Examples
    --------
    >>> repetition_of({"method": "svm", "seed": 0, "fold": 2})
    (0, None, 2)
    """
    return tuple(run.get(name) for name in REPETITIONS)


def place_of(run: Run) -> str:
    """Of which row, data set and repetition a run is, in brackets; empty where it does not say.

    Examples
    --------
    >>> place_of({"kind": "test", "method": "svm", "seed": 0, "error": 0.1})
    ' (method svm, seed 0)'
    """
    told = {name: run[name] for name in ("method", "data", *REPETITIONS) if run.get(name) is not None}
    return f" ({', '.join(f'{name} {value}' for name, value in told.items())})" if told else ""


def choices_at_ends(
    runs: Sequence[Run], shown: Sequence[Run], apart: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """How many of the shown runs have the least or the largest value that was tried, and of how many.

    That is said by setting. One of which fewer than three values were tried is left out, and so are runs
    that are ``fixed``: they are made for one value, whether it is the best or not.

    Parameters
    ----------
    runs : sequence of mapping
        All of an experiment at one scale.
    shown : sequence of mapping
        Runs of one row, from :func:`shown_runs`.
    apart : sequence of str
        Entries that tell the rows and columns apart.

    Examples
    --------
    >>> tried = [{"kind": "selection", "method": "svm", "C": C, "seconds": 1.0} for C in (1, 2, 4)]
    >>> choices_at_ends(tried, [{"kind": "test", "method": "svm", "C": 4, "seconds": 1.0}], ["method"])
    {'C': (1, 1)}
    """
    found: dict[str, tuple[int, int]] = {}
    chosen = [run for run in shown if not run.get("fixed")]
    names_apart = [*dict.fromkeys([*apart, "method"])]  # the methods have grids of their own
    for cell, same in grouped(chosen, names_apart).items():
        where = dict(zip(names_apart, cell, strict=True))
        tried = [
            run
            for run in runs
            if run.get("kind") in (SELECTION, _SEARCH) and all(run.get(k, v) == v for k, v in where.items())
        ]
        by = _shared_repetitions(same, tried)
        for repetition, tests in grouped(same, by).items():
            own = grouped(tried, by).get(repetition, [])
            for name in settings_of(tests[0], apart):
                values = {run[name] for run in own if isinstance(run.get(name), int | float)}
                values |= {value for run in own for value in run.get("grid", {}).get(name, ())}
                if len(values) >= _FEWEST:
                    ends = min(values), max(values)
                    count, total = found.get(name, (0, 0))
                    found[name] = count + sum(test.get(name) in ends for test in tests), total + len(tests)
    return found


def _shared_repetitions(one: Sequence[Run], other: Sequence[Run]) -> list[str]:
    """What tells repetitions apart in both."""
    return [name for name in REPETITIONS if all(len({run.get(name) for run in x}) > 1 for x in (one, other))]


def _of_the_choice(cell: Sequence[Run], tried: Sequence[Run], apart: Sequence[str]) -> list[Run]:
    names = _chosen_settings(cell, tried, apart)
    if not names:
        return list(cell)
    by = _shared_repetitions(cell, tried)
    choices = grouped(tried, by)
    kept: list[Run] = []
    for repetition, tests in grouped(cell, by).items():
        best = _best_settings(choices.get(repetition, []), names)
        by_settings = grouped(tests, names)
        tested = [settings for settings in by_settings if settings in best] or list(by_settings)
        last = max(tested, key=lambda settings: tests.index(by_settings[settings][-1]))
        kept += by_settings[last]
    return kept


def _chosen_settings(cell: Sequence[Run], tried: Sequence[Run], apart: Sequence[str]) -> list[str]:
    """The settings that a choice is about: a test has a value that was tried."""
    if not tried:
        return []
    common = set.intersection(*(set(settings_of(run, apart)) for run in [*cell, *tried]))
    return [
        name
        for name in settings_of(cell[0], apart)
        if name in common
        and isinstance(cell[0][name], Hashable)
        and {run[name] for run in cell} & {run[name] for run in tried}
    ]


def _best_settings(tried: Sequence[Run], names: Sequence[str]) -> list[tuple[Hashable, ...]]:
    measure = next((name for name in _CHOSEN_BY if all(name in run for run in tried)), None)
    if not tried or measure is None:
        return []
    means = {
        settings: _CHOSEN_BY[measure] * float(np.mean([run[measure] for run in same]))
        for settings, same in grouped(tried, names).items()
    }
    return [settings for settings, mean in means.items() if mean == max(means.values())]

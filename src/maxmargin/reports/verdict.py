"""The outcome of a comparison in plain sentences, none of them stronger than the test behind it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from maxmargin._typing import Floats
from maxmargin.metrics import compare_methods
from maxmargin.reports.formats import duration, listing, p_value, percent, plain, points, setting, short
from maxmargin.reports.summary import BASELINE, ComparisonSummary, MethodResult

_CLOSE = 0.01  # a rival worth its speed has a mean within this of the best


def verdict(summary: ComparisonSummary) -> list[str]:
    """Say what a comparison shows and what it does not, the most important first.

    Parameters
    ----------
    summary : ComparisonSummary
        From :func:`~maxmargin.reports.summarise`.

    Returns
    -------
    list of str
        Plain sentences. The first names the best method and how sure that is.

    Examples
    --------
    >>> from maxmargin.reports import ComparisonSummary
    >>> unfinished = ComparisonSummary(
    ...     data={}, protocol={"repeats": 5}, titles={}, abouts={}, linear=(), versions={}, commit=None,
    ...     started="", machine={}, classes=(), results=(), failures=(), unfinished=(), model=None)
    >>> verdict(unfinished)
    ['No method has finished all 5 splits, so there is nothing to compare.']
    """
    if not summary.results:
        splits = "its one split" if summary.repeats == 1 else f"all {summary.repeats} splits"
        return [f"No method has finished {splits}, so there is nothing to compare.", *_left_out(summary)]
    return [
        _headline(summary),
        *_rivals(summary),
        *_worse(summary),
        *_best_linear(summary),
        *_against_baseline(summary),
        *_fastest(summary),
        hardest_classes(summary.results[0].recall, summary.classes, summary.results[0].method),
        *_edges(summary),
        *_convergence(summary),
        *_left_out(summary),
        _basis(summary),
    ]


def _headline(summary: ComparisonSummary) -> str:
    best = summary.results[0]
    name = f"{best.title} ({best.method})" if best.title != best.method else best.method
    if not summary.tested:
        return (
            f"{name} got the most test samples right, {percent(best.row.mean)}, but this is one split: "
            "there is no interval and no test, so the order may be chance. Several repeats would tell."
        )
    share = (
        f"{percent(best.row.mean)} of unseen samples right on average "
        f"(95 % interval {_range(best.row.low, best.row.high)} %)"
    )
    if len(summary.results) == 1:
        return f"{name} gets {share}; no other method has finished to compare it with."
    if not summary.rivals:
        return f"{name} is the most accurate: {share}, really more than every other method."
    nothing_worse = all(r.method == BASELINE for r in summary.worse)
    if nothing_worse or (summary.baseline is not None and summary.baseline in summary.rivals):
        return f"No winner is shown. {name} has the highest mean, {share}, but the differences may be chance."
    return f"{name} has the highest mean accuracy: {share}."


def _rivals(summary: ComparisonSummary) -> list[str]:
    if not summary.rivals:
        return []
    names = [f"{r.method} ({points(r.row.difference)} points, {_p(r)})" for r in summary.rivals]
    few = f" With {summary.repeats} splits only large differences can show." if summary.repeats < 5 else ""
    return [f"It cannot be told apart from {listing(names)}: these differences may be chance.{few}"]


def _worse(summary: ComparisonSummary) -> list[str]:
    if not summary.worse:
        return []
    names = [
        f"{r.method} by {points(-r.row.difference)} points "
        f"({_range(-r.row.difference_high, -r.row.difference_low)}, {_p(r)})"
        for r in summary.worse
    ]
    return [f"Really worse than it: {'; '.join(names)}."]


def _best_linear(summary: ComparisonSummary) -> list[str]:
    linear = {r.method: r.accuracies for r in summary.results if r.method in summary.linear}
    if len(linear) < 2 or summary.results[0].method in linear:
        return []
    protocol = summary.protocol
    best, *others = compare_methods(linear, protocol["n_train"], protocol["n_test"]).rows
    share = f"Of the linear margin methods, {best.method} has the highest mean ({percent(best.mean)})"
    if not summary.tested:
        return [f"{share}."]
    worse = [row.method for row in others if row.real]
    equal = [row.method for row in others if not row.real]
    told = f"; really better than {listing(worse)}" if worse else ""
    chance = f"; it cannot be told apart from {listing(equal)}" if equal else ""
    return [f"{share}{told}{chance}."]


def _against_baseline(summary: ComparisonSummary) -> list[str]:
    best, baseline = summary.results[0], summary.baseline
    if baseline is None or len(summary.results) == 1:
        return []
    if best is baseline:
        return [
            f"No method beats guessing without the features ({BASELINE}): they may not tell classes apart."
        ]
    guess = f"guessing without the features ({BASELINE}, {percent(baseline.row.mean)})"
    if summary.tested and not baseline.row.real:
        return [f"{best.method} is not shown to be better than {guess}."]
    return [f"{best.method} gains {points(-baseline.row.difference)} points on {guess}."]


def _fastest(summary: ComparisonSummary) -> list[str]:
    best = summary.results[0]
    close = [r for r in summary.rivals if r.method != BASELINE and r.row.difference >= -_CLOSE]
    if best.method == BASELINE or not close:
        return []
    fastest = min((best, *close), key=lambda r: r.fit_seconds)
    if fastest is best:
        return [f"{best.method} is also the fastest of these to fit: {duration(best.fit_seconds)}."]
    if 2 * fastest.fit_seconds > best.fit_seconds:
        return []  # seconds of single fits are too noisy for less
    times = f"{duration(fastest.fit_seconds)} against {duration(best.fit_seconds)} for {best.method}"
    return [f"Within a point of it, {fastest.method} is the fastest to fit: {times}."]


def hardest_classes(recall: Floats, classes: Sequence[str], method: str) -> str:
    """Say which classes a method recognised least."""
    order = [int(k) for k in np.argsort(recall, kind="stable") if recall[k] < 1]
    if not order:
        return f"{method} recognised every test sample."
    hardest = order[: min(3, len(classes) - 1)]
    names = [f"{short(classes[k], 40)} ({percent(float(recall[k]))})" for k in hardest]
    which = "class, and its" if len(names) == 1 else "classes, and their"
    return f"Hardest {which} share recognised by {method}: {listing(names)}."


def _edges(summary: ComparisonSummary) -> list[str]:
    found = []
    splits = f"{summary.repeats} split{'s' if summary.repeats > 1 else ''}"
    for result in summary.results:
        chosen = Counter(
            (name, setting(params[name]), end)
            for params, edges in zip(result.params, result.edges, strict=True)
            for name, end in edges.items()
        )
        found += [
            f"{result.method} ({plain(name)} = {value}, the {end} tried, in {count} of {splits})"
            for (name, value, end), count in chosen.items()
            if 2 * count > summary.repeats
        ]
    if not found:
        return []
    return [f"Chosen at the edge of the grid: {'; '.join(found)}. A wider grid may do better there."]


def _convergence(summary: ComparisonSummary) -> list[str]:
    stopped = [
        f"{r.not_converged} of {r.fits} fits of {r.method}" for r in summary.results if r.not_converged
    ]
    if not stopped:
        return []
    return [f"Stopped before convergence: {listing(stopped)}. With more iterations the accuracy may differ."]


def _left_out(summary: ComparisonSummary) -> list[str]:
    splits: dict[tuple[str, str], list[int | None]] = {}
    for failure in summary.failures:
        splits.setdefault((failure.method, failure.error), []).append(failure.split)
    sentences = []
    for (method, error), of_error in splits.items():
        numbers = [str(split + 1) for split in of_error if split is not None]
        where = f" on split{'s' if len(numbers) > 1 else ''} {listing(numbers)}" if numbers else ""
        after = "" if any(r.method == method for r in summary.results) else " It is not ranked."
        sentences.append(f"{method} failed{where}: {short(error, 200).rstrip('.')}.{after}")
    if summary.unfinished:
        names = [f"{u.method} ({u.done} of {summary.repeats} splits done)" for u in summary.unfinished]
        sentences.append(f"Not finished and so not ranked: {listing(names)}.")
    return sentences


def _basis(summary: ComparisonSummary) -> str:
    protocol = summary.protocol
    splits = "1 random split" if summary.repeats == 1 else f"{summary.repeats} random splits"
    basis = (
        f"This rests on {splits} into {protocol['n_train']} training and {protocol['n_test']} test samples"
    )
    if not summary.tested:
        return f"{basis}."
    return (
        f"{basis}; differences to the best are tested with the corrected resampled t-test of Nadeau "
        "and Bengio (2003), p-values adjusted by Holm's method, and called real below 0.05."
    )


def _range(low: float, high: float) -> str:
    return f"{points(low)} to {points(high)}"


def _p(result: MethodResult) -> str:
    p = p_value(result.row.p_holm)
    return f"p\xa0<\xa0{p[1:]}" if p.startswith("<") else f"p\xa0=\xa0{p}"

"""The page of a comparison: one file that needs no network and no script."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maxmargin.reports import figures
from maxmargin.reports.formats import (
    NONE,
    duration,
    p_value,
    percent,
    plain,
    points,
    setting,
    settings,
    short,
)
from maxmargin.reports.learning import (
    accuracy_curves_figure,
    filters_figures,
    learning_curves,
    loss_curves_figure,
    networks_of,
    shared_trainings,
)
from maxmargin.reports.page import Cell, Facts, Line, data_facts, facts, run_facts, write_page
from maxmargin.reports.summary import BASELINE, ComparisonSummary, MethodResult
from maxmargin.reports.svg import Drawing
from maxmargin.reports.verdict import verdict

FEW_CLASSES = 20
"""Up to here every class has its row in the table of recalls, beyond only the hardest."""

HARDEST = 10

UNIT_MARGIN = ("cs", "ww", "m3")
"""Methods whose hinge asks for a margin of 1, so that margins between 0 and 1 have a meaning."""


def write_html(summary: ComparisonSummary, path: str | Path) -> None:
    """Write a comparison as one self-contained page.

    Parameters
    ----------
    summary : ComparisonSummary
        From :func:`~maxmargin.reports.summarise`.
    path : str or Path
        The file to write; what stood there is replaced once the page is whole.

    Examples
    --------
    >>> import tempfile
    >>> from maxmargin.reports import ComparisonSummary
    >>> empty = ComparisonSummary(
    ...     data={"name": "toy"}, protocol={"methods": [], "repeats": 5, "grids": {}}, titles={}, abouts={},
    ...     linear=(), versions={}, commit=None, started="", machine={}, classes=("no", "yes"),
    ...     results=(), failures=(), unfinished=(), model=None)
    >>> page = Path(tempfile.mkdtemp()) / "report.html"
    >>> write_html(empty, page)
    >>> page.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    write_page("comparison.html.jinja", _contents(summary), path)


def _contents(summary: ComparisonSummary) -> dict[str, Any]:
    results, name = summary.results, plain(summary.data["name"])
    with_margins = [r for r in results if r.margins is not None]
    return {
        "summary": summary,
        "name": short(name, 80),
        "full_name": name,
        "verdict": verdict(summary),
        "accuracy": figures.accuracy_figure(summary) if results else None,
        "differences": figures.differences_figure(summary) if len(results) > 1 else None,
        "significance": [_significance(r, summary) for r in results],
        "recall": _recall(summary) if results else None,
        "confusions": _confusions(summary),
        "margins": figures.margins_figure(summary) if with_margins else None,
        "margin_lines": [_margin_line(r) for r in with_margins],
        "learning": _learning(results),
        "timing": figures.timing_figure(summary) if results else None,
        "timing_lines": [_timing_line(r) for r in results],
        "chosen": [_chosen(r) for r in results if any(r.params)],
        "splits": [f"Split {number}" for number in range(1, summary.repeats + 1)],
        "grids": _grids(summary),
        "facts_of_data": data_facts(summary.data, len(summary.classes)),
        "protocol": _protocol_facts(summary),
        "warnings": [(r.method, words) for r in results for words in r.warnings],
        "model": _model(summary),
    }


def _significance(result: MethodResult, summary: ComparisonSummary) -> Line:
    row = result.row
    best = result is summary.results[0]
    texts = [percent(row.mean)]
    if summary.tested:
        texts += [points(row.std), f"{points(row.low)} to {points(row.high)}"]
    texts.append(NONE if best else points(row.difference))
    if not summary.tested:
        return Line(result.method, result.title, tuple(map(Cell, texts)), best)
    texts += [
        NONE if best else f"{points(row.difference_low)} to {points(row.difference_high)}",
        p_value(row.p_value),
        p_value(row.p_holm),
    ]
    word = Cell("the best mean") if best else Cell("real") if row.real else Cell("not shown")
    return Line(result.method, result.title, (*map(Cell, texts), word), best)


def _recall(summary: ComparisonSummary) -> dict[str, Any]:
    best = summary.results[0]
    chosen = np.arange(len(summary.classes))
    if chosen.size > FEW_CLASSES:
        chosen = np.argsort(best.recall, kind="stable")[:HARDEST]
    recalls = np.array([r.recall for r in summary.results])[:, chosen]
    counts = summary.data.get("class_counts")
    lines = []
    for k, of_class in zip(chosen, recalls.T, strict=True):
        support = [Cell(str(counts[k]))] if counts else []
        cells = [Cell(percent(x), 0.0 if np.isnan(x) else round(float(1 - x), 2)) for x in of_class]
        lines.append(Line(short(summary.classes[k], 40), summary.classes[k], (*support, *cells)))
    heads = (["In the data"] if counts else []) + [r.method for r in summary.results]
    return {"heads": heads, "lines": lines, "hardest_only": chosen.size < len(summary.classes)}


def _confusions(summary: ComparisonSummary) -> list[Drawing]:
    """Draw the best method and the runner-up, which guessing is not."""
    ranked = [r for r in summary.results if r.method != BASELINE] or summary.results
    return [
        figures.confusion_figure(result.confusion, summary.classes, result.method) for result in ranked[:2]
    ]


def _margin_line(result: MethodResult) -> Line:
    assert result.margins is not None
    inside = float(((result.margins >= 0) & (result.margins < 1)).mean())
    texts = [
        percent(figures.error_share(result)),
        percent(inside) if result.method in UNIT_MARGIN else NONE,
        f"{np.median(result.margins):.3g}".replace("-", "−"),
    ]
    return Line(result.method, result.title, tuple(map(Cell, texts)))


def _learning(results: Sequence[MethodResult]) -> dict[str, Any] | None:
    """The figures of the networks, where any was trained."""
    curves = learning_curves(results)
    if not curves:
        return None
    coloured = any(
        curve.results[0].filters.ndim == 4 for curve in curves if curve.results[0].filters is not None
    )
    return {
        "accuracy": accuracy_curves_figure(curves),
        "loss": loss_curves_figure(curves),
        "validated": any(np.isfinite(curve.validation_accuracy).any() for curve in curves),
        "shared": shared_trainings(curves),
        "filters": filters_figures(curves),
        "zero": "grey stands for 0"
        if coloured
        else "grey stands for 0, white for the largest weight, black for its negative",
    }


def _timing_line(result: MethodResult) -> Line:
    tuning = duration(result.tune_seconds) if result.tune_seconds else NONE
    seconds = (result.fit_seconds, result.predict_seconds)
    return Line(result.method, result.title, (Cell(tuning), *(Cell(duration(s)) for s in seconds)))


def _chosen(result: MethodResult) -> Line:
    cells = []
    for params, edges in zip(result.params, result.edges, strict=True):
        mark = ", ".join(f"{plain(name)}: {end} tried" for name, end in edges.items())
        cells.append(Cell(settings(params), mark=mark))
    return Line(result.method, result.title, tuple(cells))


def _grids(summary: ComparisonSummary) -> list[tuple[str, str]]:
    return [
        (
            method,
            "; ".join(f"{plain(name)}: {', '.join(map(setting, values))}" for name, values in grid.items()),
        )
        for method, grid in summary.protocol["grids"].items()
        if grid
    ]


def _protocol_facts(summary: ComparisonSummary) -> Facts:
    protocol = summary.protocol
    own = facts(
        ("Splits", f"{summary.repeats}, the same for every method"),
        ("Training samples", protocol.get("n_train")),
        ("Test samples", protocol.get("n_test")),
        ("At most samples", protocol.get("max_samples")),
        (
            "Choice of hyper-parameters",
            f"{protocol.get('cv')}-fold cross-validation within each training set",
        ),
        ("Network of the deep methods", networks_of(summary)),
        ("Seed", protocol.get("seed")),
    )
    return own + run_facts(summary.started, summary.machine, summary.versions, summary.commit)


def _model(summary: ComparisonSummary) -> dict[str, str] | None:
    if summary.model is None:
        return None
    title = summary.titles.get(summary.model["method"], summary.model["method"])
    return {
        "title": plain(title),
        "method": summary.model["method"],
        "settings": settings(summary.model["params"]),
        "path": f"DIR/{plain(summary.model['path'])}",
    }

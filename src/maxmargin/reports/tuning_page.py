"""The page of a tuning."""

from pathlib import Path
from typing import Any

import numpy as np

from maxmargin.reports.figures import confusion_figure
from maxmargin.reports.formats import duration, percent, plain, setting, settings, short
from maxmargin.reports.heatmap import heatmap_figure
from maxmargin.reports.html import FEW_CLASSES, HARDEST
from maxmargin.reports.page import Cell, Facts, Line, data_facts, facts, run_facts, write_page
from maxmargin.reports.tuning import Candidate, TuningSummary, tuning_verdict

_GRIDS = (("first", "The first grid"), ("second", "The second grid, around the best of the first"))
_SHOWN = 10


def write_tuning_html(summary: TuningSummary, path: str | Path) -> None:
    """Write a tuning as one self-contained page.

    Parameters
    ----------
    summary : TuningSummary
        From :func:`~maxmargin.reports.summarise_tuning`.
    path : str or Path
        The file to write; what stood there is replaced once the page is whole.
    """
    write_page("tuning.html.jinja", _contents(summary), path)


def _contents(summary: TuningSummary) -> dict[str, Any]:
    name = plain(summary.data["name"])
    few, method = len(summary.classes) <= FEW_CLASSES, summary.protocol["method"]
    return {
        "summary": summary,
        "name": short(name, 80),
        "full_name": name,
        "verdict": tuning_verdict(summary),
        "heatmaps": [
            heatmap_figure(stage, grid, title)
            for stage, (grid, title) in zip(summary.stages, _GRIDS, strict=False)
        ],
        "ten_best": [_candidate(one, summary) for one in summary.ranked[:_SHOWN]],
        "confusion": confusion_figure(summary.confusion, summary.classes, method) if few else None,
        "recall": _recall(summary, few),
        "hardest_only": not few,
        "facts_of_data": data_facts(summary.data, len(summary.classes)),
        "protocol": _protocol(summary),
        "model": {
            "title": summary.title,
            "method": summary.model["method"],
            "settings": settings(summary.params),
            "path": f"DIR/{plain(summary.model['path'])}",
        },
    }


def _candidate(one: Candidate, summary: TuningSummary) -> Line:
    marks = summary.edges if one is summary.best else {}
    values = [
        Cell(setting(getattr(one, name)), mark=f"{marks[name]} tried" if name in marks else "")
        for name in ("C", "gamma")
    ]
    texts = [f"{100 * one.mean:.2f}", f"{100 * one.std:.2f}", _GRIDS[one.stage][0], duration(one.fit_seconds)]
    rank = str(one.rank)
    return Line(rank, rank, (*values, *map(Cell, texts)), one is summary.best)


def _recall(summary: TuningSummary, few: bool) -> list[Line]:
    recall, counts = summary.recall, summary.confusion.sum(axis=1)
    shown = np.arange(len(recall)) if few else np.argsort(recall, kind="stable")[:HARDEST]
    lines = []
    for k in shown:
        tint = 0.0 if np.isnan(recall[k]) else round(float(1 - recall[k]), 2)
        cells = (Cell(str(counts[k])), Cell(percent(float(recall[k])), tint))
        lines.append(Line(short(summary.classes[k], 40), summary.classes[k], cells))
    return lines


def _protocol(summary: TuningSummary) -> Facts:
    protocol, machine = summary.protocol, summary.machine
    first = summary.stages[0]
    part = " for what was left of a search that was resumed" if summary.resumed else ""
    own = facts(
        ("Method", f"{summary.title}: {_STRATEGIES[protocol['strategy']]}"),
        ("Split", f"one, by class: {protocol['n_train']} training and {protocol['n_test']} test rows"),
        ("At most samples", protocol.get("max_samples")),
        (
            "Preparation",
            "learnt from all training rows before the folds are drawn; for the model, from all rows",
        ),
        ("Choice", f"mean accuracy over {protocol['n_folds']} shuffled folds of the training rows, by class"),
        ("First grid", f"{_values(first, 'C')} of C, {_values(first, 'gamma')} of gamma, every combination"),
        ("Second grid", _second(summary)),
        ("Seed", protocol.get("seed")),
        ("Time of the search", f"{duration(summary.search_seconds)} on {machine.get('jobs')} threads{part}"),
    )
    return own + run_facts(summary.started, machine, summary.versions, summary.commit)


_STRATEGIES = {
    "ovo": "a machine for each pair of classes, which vote",
    "ovr": "a machine for each class against the rest, of which the largest decision wins",
}


def _second(summary: TuningSummary) -> str:
    if len(summary.stages) == 1:
        return "none"
    fine = summary.stages[1]
    return f"{_values(fine, 'C')} of C, {_values(fine, 'gamma')} of gamma, around the best of the first"


def _values(stage: list[Candidate], name: str) -> str:
    values = sorted({getattr(one, name) for one in stage})
    return f"{len(values)} values from {setting(values[0])} to {setting(values[-1])}"

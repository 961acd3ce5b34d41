"""From the records of a comparison to its summary, and from the summary to words and a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maxmargin._checks import InputError
from maxmargin.metrics import Row, compare_methods, per_class_recall
from maxmargin.reports.fields import of_kind, study_of
from maxmargin.reports.formats import plain
from maxmargin.reports.summary import ComparisonSummary, Failure, MethodResult, Unfinished
from maxmargin.reports.terminal import terminal_table
from maxmargin.reports.verdict import verdict

__all__ = ["ComparisonSummary", "MethodResult", "summarise", "terminal_table", "verdict"]

_REQUIRED = {
    "study": (
        *("data.name", "data.classes", "titles", "summaries", "versions", "started", "machine"),
        *("protocol.methods", "protocol.repeats", "protocol.n_train", "protocol.n_test", "protocol.grids"),
    ),
    "validation": ("method", "converged"),
    "test": (
        "method",
        "split",
        "params",
        "accuracy",
        "confusion",
        "fit_seconds",
        "predict_seconds",
        "converged",
    ),
    "failure": ("method", "error"),
    "model": ("method", "params", "path"),
}


def summarise(records: Sequence[dict[str, Any]]) -> ComparisonSummary:
    """Gather the records of a comparison into what can be said about it.

    Only methods with a test record for every split are ranked. Where a split was run twice, as after
    an interruption, the later record counts, and a success outweighs a failure.

    Parameters
    ----------
    records : sequence of dict
        The lines of ``records.jsonl``, in order.

    Returns
    -------
    ComparisonSummary

    Raises
    ------
    InputError
        If there is no record of the study, its format is unknown, or a record lacks a field.

    Examples
    --------
    >>> protocol = {"methods": ["a"], "cv": 3, "repeats": 1, "n_train": 9, "n_test": 3, "grids": {}}
    >>> study = {"kind": "study", "format": 1, "data": {"name": "toy", "classes": ["no", "yes"]},
    ...          "protocol": protocol, "titles": {"a": "Method A"}, "summaries": {}, "versions": {},
    ...          "started": "", "machine": {}}
    >>> test = {"kind": "test", "method": "a", "split": 0, "params": {}, "accuracy": 2 / 3,
    ...         "confusion": [[1, 0], [1, 1]], "fit_seconds": 0.1, "predict_seconds": 0.01, "converged": True}
    >>> summary = summarise([study, test])
    >>> summary.results[0].recall
    array([1. , 0.5])
    """
    study = study_of(records, _REQUIRED, "comparison")
    protocol, classes = study["protocol"], tuple(plain(name) for name in study["data"]["classes"])
    tests = _tests(records, protocol["repeats"], len(classes))
    methods = list(dict.fromkeys([*protocol["methods"], *tests]))
    complete = {m: tests[m] for m in methods if len(tests.get(m, {})) == protocol["repeats"]}
    failures = tuple(
        Failure(r["method"], r.get("split"), plain(r["error"]))
        for r in of_kind(records, "failure")
        if r.get("split") not in tests.get(r["method"], {})
    )
    failed = {failure.method for failure in failures}
    models = of_kind(records, "model")
    return ComparisonSummary(
        data=study["data"],
        protocol=protocol,
        titles=study["titles"],
        abouts=study["summaries"],
        linear=tuple(study.get("linear", ())),
        versions=study["versions"],
        commit=study.get("commit"),
        started=study["started"],
        machine=study["machine"],
        classes=classes,
        results=_ranked(complete, study, of_kind(records, "validation")),
        failures=failures,
        unfinished=tuple(
            Unfinished(m, len(tests.get(m, {}))) for m in methods if m not in complete and m not in failed
        ),
        model=models[-1] if models else None,
        networks=study.get("networks"),
    )


def _tests(
    records: Sequence[dict[str, Any]], repeats: int, n_classes: int
) -> dict[str, dict[int, dict[str, Any]]]:
    """Test records by method and split."""
    tests: dict[str, dict[int, dict[str, Any]]] = {}
    for record in of_kind(records, "test"):
        shape = np.shape(record["confusion"])
        if shape != (n_classes, n_classes):
            raise InputError(
                f"a test record of {record['method']!r} has a confusion matrix of shape {shape}, "
                f"but there are {n_classes} classes; run the comparison again"
            )
        if record["split"] in range(repeats):
            tests.setdefault(record["method"], {})[record["split"]] = record
    return {method: dict(sorted(by_split.items())) for method, by_split in tests.items()}


def _ranked(
    complete: dict[str, dict[int, dict[str, Any]]], study: dict[str, Any], validations: list[dict[str, Any]]
) -> tuple[MethodResult, ...]:
    if not complete:
        return ()
    protocol = study["protocol"]
    accuracies = {m: [record["accuracy"] for record in tests.values()] for m, tests in complete.items()}
    comparison = compare_methods(accuracies, protocol["n_train"], protocol["n_test"])
    return tuple(
        _result(
            row,
            list(complete[row.method].values()),
            study,
            [v for v in validations if v["method"] == row.method],
        )
        for row in comparison.rows
    )


def _result(
    row: Row, tests: list[dict[str, Any]], study: dict[str, Any], validations: list[dict[str, Any]]
) -> MethodResult:
    confusion = np.array([test["confusion"] for test in tests], dtype=np.int64).sum(axis=0)
    with_margins = all(test.get("margins") is not None for test in tests)
    converged = [record["converged"] for record in [*tests, *validations] if record["converged"] is not None]
    grid = study["protocol"]["grids"].get(row.method, {})
    return MethodResult(
        method=row.method,
        title=plain(study["titles"].get(row.method, row.method)),
        row=row,
        accuracies=tuple(test["accuracy"] for test in tests),
        confusion=confusion,
        recall=per_class_recall(confusion),
        margins=np.concatenate([test["margins"] for test in tests]).astype(float) if with_margins else None,
        fit_seconds=_median(tests, "fit_seconds"),
        predict_seconds=_median(tests, "predict_seconds"),
        tune_seconds=_median(tests, "tune_seconds"),
        params=tuple(test["params"] for test in tests),
        edges=tuple(_edges(test["params"], grid) for test in tests),
        fits=len(converged),
        not_converged=converged.count(False),
        warnings=tuple(dict.fromkeys(plain(w) for test in tests for w in test.get("warnings", ()))),
        histories=tuple(test["history"] for test in tests) if all(t.get("history") for t in tests) else (),
        filters=np.array(tests[0]["filters"], dtype=np.uint8) if tests[0].get("filters") else None,
    )


def _median(tests: list[dict[str, Any]], field: str) -> float:
    return float(np.median([test.get(field) or 0.0 for test in tests]))


def _edges(params: dict[str, Any], grid: dict[str, list[Any]]) -> dict[str, str]:
    """Chosen values that are the end of a grid beyond which a better one may lie."""
    edges = {}
    for name, value in params.items():
        tried = sorted(
            {v for v in grid.get(name, ()) if isinstance(v, int | float) and not isinstance(v, bool)}
        )
        # Of two values one is always at an edge, and a count cannot go below 1.
        if len(tried) < 3 or value not in (tried[0], tried[-1]) or (value == 1 and isinstance(value, int)):
            continue
        edges[name] = "smallest" if value == tried[0] else "largest"
    return edges

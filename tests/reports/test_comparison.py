import math

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.metrics import compare_methods
from maxmargin.reports import summarise


def test_summary_of_fits_on_real_data(digits):
    summary = summarise(digits)
    tests = [r for r in digits if r["kind"] == "test"]
    accuracies = {
        m: [t["accuracy"] for t in tests if t["method"] == m] for m in digits[0]["protocol"]["methods"]
    }
    assert tuple(r.row.method for r in summary.results) == tuple(
        row.method for row in compare_methods(accuracies, 1347, 450).rows
    )
    assert [summary.baseline, summary.results[-1]] == [summary.results[-1], summary.baseline]
    for result in summary.results:
        assert result.accuracies == tuple(accuracies[result.method])
        assert np.trace(result.confusion) / result.confusion.sum() == pytest.approx(
            np.mean(result.accuracies)
        )
        assert (result.margins is not None) == (result.method in ("softmax", "ovr", "cs", "ww"))
    softmax = next(r for r in summary.results if r.method == "softmax")
    assert softmax.margins.size == 3 * 450
    assert (softmax.margins > 0).mean() == pytest.approx(softmax.row.mean)


def test_only_methods_that_finished_every_split_are_ranked(make_records):
    records = make_records({"a": [0.9, 0.9, 0.8], "b": [0.7, 0.8, 0.7], "c": [0.5, 0.6, 0.5]})
    killed = records[: 1 + 3 + 2]
    summary = summarise(killed)
    assert [r.method for r in summary.results] == ["a"]
    assert [(u.method, u.done) for u in summary.unfinished] == [("b", 2), ("c", 0)]
    assert summary.model is None


def test_order_of_the_records_does_not_matter(make_records):
    records = make_records({"a": [0.9, 0.7], "b": [0.8, 0.7]})
    forward, backward = summarise(records), summarise(records[::-1])
    assert [r.row for r in forward.results[1:]] == [r.row for r in backward.results[1:]]
    assert forward.results[0].accuracies == backward.results[0].accuracies == (0.9, 0.7)


def test_a_split_run_again_counts_once_and_its_last_run(make_records):
    records = make_records({"a": [0.9, 0.8]})
    again = {**records[1], "accuracy": 0.5}
    assert summarise([*records, again]).results[0].accuracies == (0.5, 0.8)


def test_a_failed_method_is_named_and_not_ranked(make_records):
    records = make_records({"a": [0.9, 0.8], "b": [0.9, 0.8]})
    failure = {"kind": "failure", "method": "b", "split": 1, "error": "out of\nmemory"}
    summary = summarise([*records[:4], failure])
    assert [r.method for r in summary.results] == ["a"]
    assert [(f.method, f.split, f.error) for f in summary.failures] == [("b", 1, "out of memory")]
    assert summary.unfinished == ()
    assert [r.method for r in summarise([failure, *records]).results] == ["a", "b"]
    assert summarise([failure, *records]).failures == ()


def test_one_split_has_no_rivals_and_none_worse(make_records):
    summary = summarise(make_records({"a": [0.9], "b": [0.2]}))
    assert not summary.tested
    assert summary.rivals == summary.worse == ()
    assert math.isnan(summary.results[0].row.low)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"C": 0.01}, {"C": "smallest"}),
        ({"C": 10.0}, {"C": "largest"}),
        ({"C": 1.0}, {}),
        ({"C": 1}, {}),
        ({"p": 4}, {}),
        ({"kernel": "linear"}, {}),
        ({"neighbors": 1}, {}),
        ({"neighbors": 9}, {"neighbors": "largest"}),
        ({"gamma": "scale"}, {}),
    ],
)
def test_values_at_the_edge_of_the_grid(make_records, params, expected):
    records = make_records({"a": [0.9]})
    records[0]["protocol"]["grids"]["a"] = {
        "C": [10.0, 0.01, 0.1, 1.0],
        "p": [2, 4],
        "kernel": ["linear", "rbf", "poly"],
        "neighbors": [1, 3, 9],
        "gamma": ["scale", 0.1, 1.0, 10.0],
    }
    records[1]["params"] = params
    assert summarise(records).results[0].edges == (expected,)


def test_fits_that_stopped_early_are_counted_with_those_of_the_validation(make_records):
    records = make_records({"a": [0.9, 0.8], "b": [0.7, 0.7]})
    records[1]["converged"] = False
    records[3]["converged"] = None
    records.append({"kind": "validation", "method": "a", "converged": False})
    a, b = summarise(records).results
    assert (a.not_converged, a.fits) == (2, 3)
    assert (b.not_converged, b.fits) == (0, 1)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda r: r[1:], "none of the 3 records is of kind 'study'"),
        (lambda _: [], "none of the 0 records"),
        (lambda r: [{**r[0], "format": 2}, *r[1:]], "format 2; this version reads format 1"),
        (
            lambda r: [r[0], {k: v for k, v in r[1].items() if k != "accuracy"}],
            "record 2 .* lacks 'accuracy'",
        ),
        (lambda r: [{**r[0], "data": {"name": "x"}}, *r[1:]], "record 1 .* lacks 'data.classes'"),
        (lambda r: [r[0], {**r[1], "confusion": [[1]]}], r"'a' has a confusion matrix of shape \(1, 1\)"),
    ],
)
def test_damaged_records(make_records, damage, words):
    with pytest.raises(InputError, match=words) as caught:
        summarise(damage(make_records({"a": [0.9, 0.8]})))
    assert "\n" not in str(caught.value)


def test_records_of_another_kind_are_let_be(make_records):
    records = make_records({"a": [0.9]})
    assert len(summarise([*records, {"kind": "remark", "text": "later"}, {}]).results) == 1

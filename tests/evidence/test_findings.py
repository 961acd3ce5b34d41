"""A table filled in from records."""

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.evidence import Claim, Table, findings
from maxmargin.evidence.findings import ONLY


def run(method, seed, error, **entries):
    return {"kind": "test", "method": method, "seed": seed, "error": error, "n_test": 1000} | entries


PLAIN = Table(
    name="Table 1",
    title="Errors",
    labels={"svm": "SVM", "softmax": "Softmax", "new": "New"},
    printed={"softmax": 0.02, "svm": 0.01},
    cited={"theirs": 0.015},
    claims=[Claim(better="svm", than=["softmax", "knn"])],
)
BY_DATA = Table(
    name="Table 2",
    title="Accuracies",
    measure="accuracy",
    better="higher",
    columns="data",
    labels={"b": "B"},
    printed={"a": {"svm": 0.9, "knn": 0.8}, "b": {"svm": 0.7, "knn": 0.6}},
    printed_std={"a": {"svm": 0.01}},
    cited={"b": {"theirs": 0.65}},
    claims=[Claim(better="svm", than=["knn"]), Claim(better="knn", than=["svm"], columns=["b"])],
)


def accuracies(data, svm, knn):
    return [
        run(method, seed, 1 - a, data=data, accuracy=a)
        for method, values in (("svm", svm), ("knn", knn))
        for seed, a in enumerate(values)
    ]


def test_a_table_with_one_column():
    runs = [run("svm", s, e) for s, e in enumerate((0.012, 0.014))] + [
        run("softmax", 0, 0.02),
        run("new", 0, 0.5),
    ]
    found = findings(PLAIN, runs)
    assert found.rows == ("svm", "softmax", "new", "theirs")
    assert found.columns == (ONLY,)
    svm, cited, new = (found.cells[row, ONLY] for row in ("svm", "theirs", "new"))
    assert (svm.printed, svm.cited, svm.ours.n) == (0.01, False, 2)
    assert svm.difference == pytest.approx(0.003)
    assert (cited.printed, cited.cited, cited.ours, cited.difference) == (0.015, True, None, None)
    assert (new.printed, new.ours.mean, new.difference) == (None, 0.5, None)
    assert [(j.than, j.verdict is None) for j in found.judgements] == [("softmax", False), ("knn", True)]
    assert [j.printed for j in found.judgements] == [pytest.approx(-0.01), None]
    assert found.is_run


def test_a_printed_table_shows_the_rows_that_it_names_and_another_one_all():
    runs = [run(method, 0, 0.1) for method in ("knn", "other", "svm")]
    assert findings(PLAIN, runs).rows == ("svm", "softmax", "theirs", "knn")
    ours = PLAIN.model_copy(update={"printed": {}, "ours": True})
    assert findings(ours, runs).rows == ("svm", "theirs", "knn", "other")


def test_intervals_end_where_their_unit_does():
    runs = [run("svm", seed, 0.5, accuracy=a, seconds=s) for seed, (a, s) in enumerate([(0.9, 1), (1.0, 9)])]
    shares = PLAIN.model_copy(update={"measure": "accuracy"})
    found = findings(shares, runs).cells["svm", ONLY].ours
    assert (found.high, found.next_high) == (1, 1)
    assert 0 < found.low < found.mean
    times = PLAIN.model_copy(update={"measure": "seconds", "unit": "seconds"})
    found = findings(times, runs).cells["svm", ONLY].ours
    assert found.low == 0
    assert found.high > 9
    assert np.isnan(found.next_low)  # the next run may meet a busier machine


def test_a_table_with_columns():
    runs = accuracies("a", [0.9, 0.92, 0.91], [0.8, 0.83, 0.8]) + accuracies("c", [0.5], [0.5])
    found = findings(BY_DATA, runs)
    assert found.columns == ("b", "a", "c")
    assert found.rows == ("svm", "knn", "theirs")
    assert found.cells["svm", "a"].printed_std == 0.01
    assert found.cells["svm", "b"].ours is None
    assert ("theirs", "a") not in found.cells
    told = {(j.better, j.than, j.column): j.verdict and j.verdict.outcome for j in found.judgements}
    assert told == {
        ("svm", "knn", "b"): None,
        ("svm", "knn", "a"): "holds",
        ("svm", "knn", "c"): "not shown",
        ("knn", "svm", "b"): None,
    }


def test_no_run_at_all():
    found = findings(PLAIN, [])
    assert not found.is_run
    assert found.rows == ("svm", "softmax", "theirs")
    assert [j.verdict for j in found.judgements] == [None, None]


def test_rows_that_share_no_seed_are_not_judged():
    found = findings(PLAIN, [run("svm", 0, 0.01), run("softmax", 1, 0.5)])
    assert found.judgements[0].verdict is None


def test_runs_without_the_measure_are_left_out():
    found = findings(PLAIN, [run("svm", 0, None), run("softmax", 0, 0.1)])
    assert found.cells["svm", ONLY].ours is None
    assert found.cells["softmax", ONLY].ours.mean == 0.1


def test_rows_may_be_numbers_and_conditions():
    table = Table(name="T", title="t", rows="m", columns="augmented", printed={"true": {"0.1": 0.3}})
    found = findings(table, [run("svm", 0, 0.2, m=0.1, augmented=True)])
    assert found.cells["0.1", "true"].difference == pytest.approx(-0.1)


def test_the_settings_of_all_repetitions_are_told_each_once():
    def told(seed, epochs, C):
        return {
            "kind": "test",
            "method": "svm",
            "seed": seed,
            "epochs": epochs,
            "C": C,
            "seconds": 1.0,
            "error": 0.5,
        }

    cell = findings(PLAIN, [told(0, 9, 2.0), told(1, 9, 1.0), told(2, 9, 2.0)]).cells["svm", ONLY]
    assert cell.settings == {"epochs": (9,), "C": (2.0, 1.0)}


def test_a_row_that_hangs_on_no_seed_is_compared_with_every_run_of_the_other():
    softmax = [run("softmax", seed, error) for seed, error in enumerate((0.1, 0.12, 0.14))]
    fixed = run("svm", 0, 0.05)
    once = findings(PLAIN.model_copy(update={"seedless": ["svm"]}), [*softmax, fixed]).judgements[0]
    every = findings(PLAIN, [*softmax, *(fixed | {"seed": seed} for seed in range(3))]).judgements[0]
    assert once.verdict == every.verdict
    assert once.verdict.difference.n == 3
    assert findings(PLAIN, [*softmax, fixed]).judgements[0].verdict.difference.n == 1
    other_way = PLAIN.model_copy(update={"seedless": ["softmax"]})
    swapped = [r | {"method": {"svm": "softmax", "softmax": "svm"}[r["method"]]} for r in (*softmax, fixed)]
    gap = findings(other_way, swapped).judgements[0].verdict.difference
    assert (gap.n, gap.mean) == (3, pytest.approx(0.07))


@pytest.mark.parametrize("error", [1.7, -0.1, float("nan")])
def test_a_percentage_that_is_none_is_refused(error):
    message = r"Table 1 \(Errors\): error is .* in a record \(method svm, seed 1\); it must lie from 0 to 1"
    with pytest.raises(InputError, match=message):
        findings(PLAIN, [run("svm", 0, 0.1), run("svm", 1, error)])
    number = PLAIN.model_copy(update={"unit": "number"})
    assert findings(number, [run("svm", 0, 0.1), run("svm", 1, error)]).is_run


def test_what_does_not_fit_names_the_table():
    with pytest.raises(InputError, match=r"Table 1 \(Errors\): two records of a row have the same seed"):
        findings(PLAIN, [run("svm", 0, 0.1), run("svm", 0, 0.2)])
    with pytest.raises(InputError, match=r"Table 1 \(Errors\): error is \[\] in a record"):
        findings(PLAIN, [run("svm", 0, [])])


def test_a_single_deterministic_row_has_no_further_run():
    cell = findings(PLAIN, [run("svm", s, 0.012) for s in range(3)]).cells["svm", ONLY]
    assert cell.ours.n == 3
    assert np.isnan(cell.ours.next_low)

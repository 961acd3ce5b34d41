"""The figures of the M3SVM paper: what each run holds, and what must be true of it."""

from dataclasses import replace

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.evidence import findings
from maxmargin.linear import M3SVC
from maxmargin.studies.papers import load_experiment, margin_bound, reproduce
from maxmargin.studies.papers.data_pictures import _across, _beside_each_other, _in_a_tenth
from maxmargin.studies.papers.experiment import read_experiment
from maxmargin.studies.papers.margin_bound import Bound, matched
from maxmargin.studies.papers.samples import RowsOf, Sample

SMALL = """
title = "small"
paper = "none"

[procedure]
kind = "m3svm-figures"
folds = 3
data = { Iris = { source = "iris", rows = 90 }, HHAR = { source = "har" } }
steps = { on = ["Iris"], lr = 0.02, lam = 0.01, p = 4, steps = 400 }
strengths = { on = ["Iris", "HHAR"], p = 4, lambdas = [0.001, 1000.0] }
maps = { on = ["Iris"], rows = 50 }
confusions = { on = ["Iris"] }
bound = { on = ["Iris"], ps = [2, 4, 8], C = [0.1, 10.0] }

[procedure.plane]
on = ["Iris"]

[procedure.plane.methods]
m3svm = { estimator = "M3SVC", options = { p = 4 }, C = [1.0, 10.0] }
ovo = { estimator = "OneVsOneSVC", C = [1.0] }

[scales.quick]
note = "small"
"""


def run(out, seeds=range(1), **options):
    told = []
    return reproduce(read_experiment("small", SMALL), "quick", seeds, out, tell=told.append, **options), told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with records of a whole run, these, and what was told."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        patch.setenv("MAXMARGIN_DATA", str(out / "none"))
        yield out, *run(out)


def of(records, kind):
    return [record for record in records if record["kind"] == kind]


def test_every_part_is_run_once(whole):
    out, records, told = whole
    kinds = [record["kind"] for record in records]
    counts = {"plane": 2, "steps": 1, "strength": 6, "map": 1, "confusion": 1, "search": 3, "bound": 9}
    assert {kind: kinds.count(kind) for kind in counts} == counts
    assert told[-1].startswith("har is not there")
    assert run(out, resume=True)[0] == records


def test_lines_of_the_plane_keep_the_margins_apart(whole):
    _, records, _ = whole
    plane, machines = of(records, "plane")
    assert plane["accuracy"] > 0.9
    assert machines["margins"].keys() == plane["margins"].keys()
    for (pair, width), label in zip(plane["margins"].items(), ("setosa | versicolor",), strict=False):
        assert pair == label
        line, upper, lower = (np.array(one[:4]).reshape(2, 2) for one in plane["lines"][:3])
        normal = np.array([line[0, 1] - line[1, 1], line[1, 0] - line[0, 0]])
        normal /= np.linalg.norm(normal)
        for other in (upper, lower):
            assert abs(normal @ (other[0] - line[0])) == pytest.approx(width / 2, abs=0.01)
    assert min(plane["margins"].values()) == plane["smallest_margin"]
    assert {row[2] for row in plane["points"]} == {"setosa", "versicolor", "virginica"}


def test_adam_reaches_the_optimum(whole):
    _, records, _ = whole
    (steps,) = of(records, "steps")
    distance = steps["curve"]["distance"]
    assert distance[0] > 1
    assert -1e-4 < distance[-1] < 0.02
    assert steps["curve"]["step"][-1] == 400
    assert steps["accuracy"] == steps["curve"]["accuracy"][-1] > 0.8


def test_a_huge_lambda_forgets_the_loss(whole):
    _, records, _ = whole
    found = {
        lam: [r["accuracy"] for r in of(records, "strength") if r["lambda"] == lam] for lam in (1e-3, 1e3)
    }
    assert min(found[1e-3]) > 0.85
    assert np.mean(found[1e-3]) > np.mean(found[1e3])


def test_maps_and_confusions(whole):
    _, records, _ = whole
    assert np.shape([row[:2] for row in of(records, "map")[0]["points"]]) == (50, 2)
    (confusion,) = of(records, "confusion")
    counts = np.array(confusion["confusion"])
    assert np.trace(counts) == round(confusion["accuracy"] * 90)
    assert sorted(confusion["classes"]) == ["setosa", "versicolor", "virginica"]
    assert counts.sum(axis=1).tolist() == [30, 30, 30]


def test_the_bound_holds_and_falls_with_p(whole):
    _, records, _ = whole
    bounds = of(records, "bound")
    for record in bounds:
        assert record["matched"]
        assert record["attained"] <= record["bound"] <= record["bound_by_sum"]
        assert record["bound"] == pytest.approx(2 * record["radius"] / record["smallest_margin"], rel=1e-3)
    for fold in range(3):
        two, four, eight = (r for r in bounds if r["fold"] == fold)
        for record in (four, eight):
            assert record["training_loss"] == pytest.approx(two["training_loss"], rel=0.02)
            assert record["relative_bound"] == pytest.approx(record["bound"] / two["bound"], rel=1e-3)
        assert eight["bound"] < four["bound"] < two["bound"]
        assert two["relative_bound"] == 1
    table = next(t for t in load_experiment("m3svm-figures").tables if t.name == "Theorem 6")
    assert findings(table, records).cells["p = 8", "Iris"].ours.n == 3


def test_the_bound_is_matched_without_the_test_rows(whole, monkeypatch):
    _, records, _ = whole
    sample = RowsOf(source="iris", rows=90).load()
    fold = next(sample.folds("Iris", 3, 0))
    y = sample.y.copy()
    y[fold.test] = np.random.default_rng(0).permutation(y[fold.test])
    monkeypatch.setattr(Sample, "folds", lambda *_: iter([replace(fold, y=y)]))
    found = []

    class Book:
        def once(self, place, work, effort):  # noqa: ARG002
            found.append(place | work())
            return found[-1]

    bound = Bound(on=["Iris"], ps=[2, 4, 8], C=[0.1, 10.0])
    bound.show(Book(), sample, {"data": "Iris", "seed": 0}, 3, 1.0)
    expected = [r for r in records if r["kind"] in ("search", "bound") and r["fold"] == 0]
    for one, other in zip(expected, found, strict=True):
        for name in ("grid", "C", "bound", "training_loss"):
            assert one.get(name) == other.get(name)
    assert [r["accuracy"] for r in expected[1:]] != [r["accuracy"] for r in found[1:]]


def test_lines_end_at_the_rectangle():
    points = np.array([[0.0, 0.0], [10.0, 10.0]])
    assert _across(points, np.array([0.0, 2.0]), -8.0) == pytest.approx([11, 4, -1, 4])
    assert np.sort(_across(points, np.array([1.0, -1.0]), 0.0)) == pytest.approx([-1, -1, 11, 11])
    assert _across(points, np.array([1.0, 0.0]), 50.0) is None


def test_confused_classes_are_neighbours():
    confusion = np.array([[9, 0, 5, 0], [0, 9, 0, 3], [4, 0, 9, 0], [0, 2, 1, 9]])
    order = _beside_each_other(confusion).tolist()
    assert abs(order.index(0) - order.index(2)) == abs(order.index(1) - order.index(3)) == 1
    assert _in_a_tenth(confusion) == pytest.approx(9 / 15)


def test_p_of_two_is_the_frobenius_norm():
    sample = RowsOf(source="iris").load()
    model = M3SVC(1.0, p=2).fit(sample.X, sample.y)
    norm = 3 * np.sum(model.coef_**2)
    assert sum(np.sum((a - b) ** 2) for a in model.coef_ for b in model.coef_) / 2 == pytest.approx(
        norm, rel=1e-6
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'maps = { on = ["Iris"]',
            'maps = { on = ["Lily"]',
            "unknown data set to show 'Lily'; choose from Iris",
        ),
        ("lam = 0.01", "lambda = 0.01", "steps.lam: Field required"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", SMALL.replace(old, new, 1))


@pytest.mark.parametrize("start", [1.0, 50.0, 3000.0])
def test_a_loss_is_matched_from_either_side_and_each_fit_made_once(start):
    asked = []

    def loss(C):
        asked.append(C)
        return 1 / C

    assert matched(loss, wanted=0.02, start=start) == pytest.approx(50, rel=0.01)
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(("wanted", "end"), [(0.5, 1e4), (1e9, 1e-4)])
def test_a_loss_out_of_reach_ends_far_from_where_it_was_expected(wanted, end):
    assert matched(lambda C: 1 + 1 / C, wanted, start=1.0) == pytest.approx(end)


def test_what_is_not_matched_is_said_and_left_out(monkeypatch):
    sample = RowsOf(source="iris", rows=90).load()
    monkeypatch.setattr(margin_bound, "matched", lambda *given: given[-1] / 100)
    found = []

    class Book:
        def once(self, place, work, effort):  # noqa: ARG002
            found.append(place | {"seconds": 1.0} | work())
            return found[-1]

    Bound(on=["Iris"], ps=[2, 4], C=[1.0]).show(Book(), sample, {"data": "Iris", "seed": 0}, 2, 1.0)
    assert [r["matched"] for r in found if r["kind"] == "bound"] == [False] * 4
    table = next(t for t in load_experiment("m3svm-figures").tables if t.name == "Theorem 6")
    assert not findings(table, found).is_run

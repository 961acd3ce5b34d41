"""Each kind of figure shows what its records hold, in words too."""

import re

import numpy as np
import pytest

from maxmargin._checks import InputError
from maxmargin.evidence import Figure
from maxmargin.reports.papers import draw_figures, summarise_evidence
from tests.reports.evidence import drawn, record


@pytest.fixture(scope="module")
def pictured():
    experiment, records = drawn()
    (section,) = summarise_evidence([experiment], {"drawn": records})
    return {one.figure.name: one for one in draw_figures([section])[section.name]}


def draw(figure, records):
    experiment, _ = drawn()
    experiment = experiment.model_copy(update={"figures": [figure], "tables": []})
    (section,) = summarise_evidence([experiment], {"drawn": records})
    (one,) = draw_figures([section])[section.name]
    return one.drawings


def run(kind="test", **entries):
    return record("drawn", "quick", kind, **entries)


def _plain(drawing):
    return drawing.description.replace("\xa0", " ")


def test_curves_are_means_over_the_runs(pictured):
    (drawing,) = pictured["Figure 1"].drawings
    assert drawing.description == (
        "svm: 1.01 at first, 0.01195 at last (10), mean of 3 runs; "
        "softmax: 1.01 at first, 0.01195 at last (10), mean of 3 runs."
    )
    (drawing,) = pictured["Figure 2"].drawings
    assert "svm: 50.00 % at first, 90.00 % at last (100)" in drawing.description
    assert drawing.title == "Figure 2. Accuracy (quick)"


def test_runs_of_different_lengths_share_a_curve():
    runs = [run(method="a", seed=s, curve={"y": y}) for s, y in enumerate(([1, 2], [3, None, 5], [None] * 3))]
    (drawing,) = draw(Figure(name="F", title="t", kind="curves", y="y"), runs)
    assert drawing.description == "a: 2 at first, 5 at last (3), mean of 2 runs."


def test_runs_measured_at_different_places_have_lines_of_their_own():
    curves = [{"x": [1, 2], "y": [5, 6]}, {"x": [1, 4], "y": [7, 8]}]
    runs = [run(method="a", seed=s, curve=curve) for s, curve in enumerate(curves)]
    (drawing,) = draw(Figure(name="F", title="t", kind="curves", x="x", y="y", log_x=True), runs)
    assert drawing.description == "a: 5 at first, 6 at last (2), 1 run; a: 7 at first, 8 at last (4), 1 run."


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([900, 170], {"200", "500"}), ([1.9, 1.1], {"1.2", "1.5"}), ([9000, 2], {"10", "100", "1000"})],
)
def test_a_short_logarithmic_axis_has_ticks_between_the_powers_of_ten(values, ticks):
    figure = Figure(name="F", title="t", kind="curves", y="y", log_y=True)
    (drawing,) = draw(figure, [run(method="a", seed=0, curve={"y": values})])
    shown = set(re.findall(r">([\d.]+)</text>", drawing.svg))
    assert ticks <= shown, shown


def test_a_sweep_is_of_means_in_order(pictured):
    (drawing,) = pictured["Figure 3"].drawings
    assert "svm: 5.20 % at 0, 6.20 % at 0.1, 7.20 % at 0.2" in drawing.description
    assert [d.title for d in pictured["Figure 10"].drawings] == [
        f"Figure 10. By name: m = {m} (quick)" for m in ("0", "0.1", "0.2")
    ]


def test_stale_choices_are_not_drawn():
    runs = [
        run("selection", method="a", seed=0, C=1, error=0.1),
        run("selection", method="a", seed=0, C=2, error=0.2),
        *(run(method="a", seed=0, C=C, error=0.1, curve={"y": [C, C]}) for C in (1, 2)),
    ]  # fmt: skip
    (drawing,) = draw(Figure(name="F", title="t", kind="curves", y="y"), runs)
    assert drawing.description == "a: 1 at first, 1 at last (2), 1 run."


def test_heatmaps_of_single_runs_and_of_whole_grids(pictured):
    svm, _ = pictured["Figure 4"].drawings
    # Errors are drawn as accuracies, so that darker is better.
    assert _plain(svm).startswith("Best: 94.0 % at C = 0.5, gamma = 0.1; median 82.5 %, worst 70.0 %.")
    whole = pictured["Figure 5"].drawings
    assert len(whole) == 4
    assert _plain(whole[0]).startswith("Best: 90.0 % at C = 1, gamma = 0.5; median 30.0 %, worst 10.0 %.")
    assert pictured["Figure 5"].captions[:2] == ["svm (quick), grid 1 of 2", "svm (quick), grid 2 of 2"]
    assert "C goes from 0.9 to 1.1" in whole[1].description


@pytest.mark.parametrize("order", [("C", "gamma"), ("gamma", "C")])
def test_a_grid_is_read_by_the_order_of_its_entries(order):
    sizes = {"C": [1.0, 2.0, 4.0], "gamma": [0.5, 0.25]}
    score = np.zeros([len(sizes[name]) for name in order])
    score[tuple({"C": 2, "gamma": 1}[name] for name in order)] = 1
    grid = {name: sizes[name] for name in order} | {"score": score.tolist()}
    figure = Figure(name="F", title="t", kind="heatmap", x="gamma", y="C", value="score")
    (drawing,) = draw(figure, [run(method="a", seed=0, grid=grid)])
    assert drawing.description.startswith("Best: 1 at C = 4, gamma = 0.25;")


def test_a_curve_without_a_value_is_not_run():
    assert (
        draw(Figure(name="F", title="t", kind="curves", y="y"), [run(method="a", curve={"y": [None]})]) == ()
    )


def test_points_lines_counts_and_images(pictured):
    points = pictured["Figure 6"]
    assert points.captions == [
        f"{m} (quick), {part}" for m in ("svm", "softmax") for part in ("train", "test")
    ]
    assert points.drawings[0].description.startswith("200 points: ")
    assert points.drawings[0].description.endswith("1 lines boundary; 1 lines margin.")
    counts, _ = pictured["Figure 7"].drawings
    assert counts.description.startswith("2490 of 3617 predictions are right; 0 taken for 6: 22")
    (images,) = pictured["Figure 8"].drawings
    assert images.description == "12 images of 8 by 8 pixels, 10 beside each other."
    assert pictured["Figure 9"].drawings == ()


@pytest.mark.parametrize(
    ("figure", "entries"),
    [
        ({"kind": "curves", "y": "y"}, {"curve": {"y": ["a"]}}),
        ({"kind": "curves", "y": "y", "x": "x"}, {"curve": {"y": [1.0]}}),
        ({"kind": "sweep", "x": "m", "y": "error"}, {"m": 1, "error": "a"}),
        ({"kind": "heatmap", "x": "gamma", "y": "C", "value": "score"}, {"grid": {"C": [1], "score": [[1]]}}),
        (
            {"kind": "heatmap", "x": "gamma", "y": "C", "value": "score"},
            {"grid": {"C": [1], "gamma": [1, 2], "score": [[1]]}},
        ),
        (
            {"kind": "heatmap", "x": "gamma", "y": "C", "value": "score"},
            {"grid": {"C": [1], "gamma": [1], "score": [[None]]}},
        ),
        ({"kind": "scatter"}, {"points": [[1.0, 2.0]]}),
        ({"kind": "scatter"}, {"points": []}),
        ({"kind": "confusion"}, {"confusion": [[1, 2]]}),
        ({"kind": "images"}, {"images": ["no image"]}),
        ({"kind": "images"}, {"images": []}),
    ],
)
def test_records_that_cannot_be_drawn_name_their_figure(figure, entries):
    with pytest.raises(
        InputError, match=r"drawn.jsonl, scale quick: Figure 1 cannot be drawn from a record: \S"
    ):
        draw(Figure(name="Figure 1", title="t", **figure), [run(method="a", seed=0, **entries)])

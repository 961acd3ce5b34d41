import re

import numpy as np
import pytest

from maxmargin.reports import summarise, write_html
from maxmargin.reports.learning import (
    accuracy_curves_figure,
    filters_figure,
    learning_curves,
    loss_curves_figure,
    shared_trainings,
)


@pytest.fixture
def records(make_networks):
    return make_networks()


def page_of(records, folder):
    write_html(summarise(records), folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_trainings_are_told_apart_and_the_shared_one_is_drawn_once(records):
    curves = learning_curves(summarise(records).results)
    assert [[r.method for r in curve.results] for curve in curves] == [
        ["cnn+svc", "softmax-net"],
        ["dlsvm-l2"],
        ["ae+svc"],
    ]
    assert shared_trainings(curves) == [
        "One training serves cnn+svc and softmax-net; its curve is called by the first."
    ]
    assert len({curve.colour for curve in curves}) == 3


def test_the_numbers_of_the_figures_are_those_of_the_records(records):
    curves = learning_curves(summarise(records).results)
    accuracy, loss = accuracy_curves_figure(curves), loss_curves_figure(curves)
    assert accuracy is not None
    assert loss is not None
    said = accuracy.description.replace("\xa0", " ")
    # One split of the first ended an epoch earlier: the last mean is of the other alone.
    assert (
        "cnn+svc: 60.0 % after epoch 1, 90.0 % after epoch 3, in the test 97.5 % with cnn+svc and 96.5 %"
        in said
    )
    assert "dlsvm-l2: 50.0 % after epoch 1, 92.5 % after epoch 3, in the test 95.5 % with dlsvm-l2" in said
    assert "ae+svc" not in said
    assert loss.description == (
        "cnn+svc: 0.25 times the first; dlsvm-l2: 0.25 times the first; ae+svc: 0.6 times the first."
    )


def test_every_name_stands_beside_its_curve_and_none_on_another(records):
    drawing = accuracy_curves_figure(learning_curves(summarise(records).results))
    assert drawing is not None
    places = {}
    for transform, text in re.findall(r'transform="([^"]*)"[^>]*>([^<]*)</text>', drawing.svg):
        places[text] = [float(x) for x in re.findall(r"-?\d+\.?\d*", transform)]
    names = ("cnn+svc", "softmax-net", "dlsvm-l2")
    heights = sorted(places[name][-1] for name in names)
    assert min(np.diff(heights)) > 10
    assert len({round(places[name][-2]) for name in names}) == 1


def test_the_page_has_curves_and_filters_and_names_the_network(records, tmp_path):
    page = page_of(records, tmp_path)
    assert 'id="learning"' in page
    assert "ism3, 3 epochs" in page
    assert page.count("First-layer filters of") >= 1
    assert "First-layer filters of dlsvm-l2" not in page
    assert "white for the largest weight" in page
    assert "held out" not in page


def test_validation_and_colours_are_told_where_there_are_any(records, history, tmp_path):
    for record in records:
        if record.get("method") == "dlsvm-l2" and record["kind"] == "test":
            record["history"] = history([4.0, 2.0], [0.5, 0.7], [0.4, 0.6])
            record["filters"] = np.full((40, 3, 3, 3), 90).tolist()
    page = page_of(records, tmp_path)
    assert "held out" in page
    assert "40 filters of 3 × 3 pixels" in page
    assert "white for the largest weight" not in page


def test_one_epoch_and_losses_of_zero_and_a_training_without_accuracy_are_drawn(records, history):
    for record in records:
        if "history" in record:
            record["history"] = history([0.0])
    curves = learning_curves(summarise(records).results)
    assert accuracy_curves_figure(curves) is None
    assert loss_curves_figure(curves) is None
    for record in records:
        if "history" in record:
            record["history"] = history([0.0, 0.0], [1.0, 1.0])
    curves = learning_curves(summarise(records).results)
    assert accuracy_curves_figure(curves) is not None
    assert loss_curves_figure(curves) is not None


def test_a_page_without_networks_says_nothing_of_them(make_records, tmp_path):
    page = page_of(make_records({"softmax": [0.9, 0.8], "dummy": [0.5, 0.5]}), tmp_path)
    assert "earning" not in page
    assert "etwork" not in page


@pytest.mark.parametrize("shape", [(1, 5, 5), (16, 3, 3), (64, 7, 7, 3)])
def test_filters_lie_in_the_picture_in_their_order(shape):
    filters = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    drawing = filters_figure(filters, "cnn+svc")
    assert drawing.name == "filters-cnn-svc"
    assert f"{shape[0]} filters of {shape[1]} × {shape[2]} pixels" in drawing.svg

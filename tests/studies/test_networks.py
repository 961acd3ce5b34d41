"""Networks of the papers' experiments: chosen on validation rows, recorded once, resumed, continued."""

import base64
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.studies.papers import network_inputs, reproduce
from maxmargin.studies.papers.experiment import read_experiment

PLAIN = """
title = "small"
paper = "none"

[procedure]
kind = "networks"
epochs = 6
selection_epochs = 2
noise = 0.5
training = { batch_size = 100, lr = 0.1, lr_schedule = "linear", head_weight_decay = 0.001 }

[procedure.data.Digits]
source = "digits"
net = "tang-mnist"
train_rows = 900
test_rows = 400
validation_rows = 300
preprocessing = [{ name = "PrincipalComponents", options = { n_components = 30, scale = "global" } }]

[procedure.methods]
softmax = { loss = "CrossEntropyLoss", choices = { C = [1.0], momentum = [0.5, 0.9] } }
dlsvm-l2 = { loss = "OneVsRestHingeLoss", choices = { C = [0.1, 0.3], momentum = [0.5, 0.9] } }

[scales.quick]
note = "six epochs"
"""

RICH = """
title = "small"
paper = "none"

[procedure]
kind = "networks"
epochs = 4
selection_epochs = 1
training = { batch_size = 30, lr = 0.01 }
test_curve = true
filters = true
objectives = { cross_entropy = "softmax", squared_hinge = "svm" }

[procedure.data.Plain]
source = "digits"
net = "tang-cifar"
train_rows = 300
test_rows = 100
validation_rows = 100
preprocessing = [{ name = "PixelMean" }]

[procedure.data.Varied]
source = "digits"
net = "tang-cifar"
train_rows = 300
test_rows = 100
validation_rows = 100
shuffled = true
preprocessing = [{ name = "PerImageNorm", options = { norm = 5.0 } }, { name = "PixelMean" }]
augmentation = [
    { name = "RandomMirror", options = { p = 0.1 } },
    { name = "RandomShift", options = { pixels = 1 } },
]

[procedure.methods]
softmax = { loss = "CrossEntropyLoss", choices = { weight_decay = [0.0005] } }
svm = { loss = "OneVsRestHingeLoss", choices = { C = [0.1], power = [2] }, data = ["Plain"] }
l-softmax = { loss = "CrossEntropyLoss", choices = { head_margin = [2], lr = [0.003] }, data = ["Plain"] }
svm-m3 = { loss = "OneVsRestHingeLoss", choices = { C = [0.1], pairwise = [0.001] }, data = ["Plain"] }

[procedure.methods.soft-margin]
loss = "SoftMarginSoftmaxLoss"
after = "softmax"
epochs = 1
choices = { lr = [0.01], margin = [0.3, 0.6] }

[procedure.methods.margins]
kind = "sweep"
data = ["Varied"]
loss = "SoftMarginSoftmaxLoss"
after = "softmax"
epochs = 1
choices = { lr = [0.01], margin = [0.0, 0.5] }

[procedure.methods.back]
kind = "drift"
data = ["Plain"]
loss = "CrossEntropyLoss"
after = "svm"
choices = { lr = [0.01] }

[scales.quick]
note = "four epochs"
"""


def run(out, seeds=range(2), text=PLAIN, **options):
    told = []
    experiment = read_experiment("small", text)
    return reproduce(experiment, "quick", seeds, out, device="cpu", tell=told.append, **options), told


def of_kind(records, kind, **where):
    return [r for r in records if r["kind"] == kind and where.items() <= r.items()]


def shuffled_tests(monkeypatch, n_test):
    def shuffled(name):
        dataset = load_dataset(name)
        y = dataset.y.copy()
        y[-n_test:] = np.random.default_rng(0).permutation(y[-n_test:])
        return replace(dataset, y=y)

    monkeypatch.setattr(network_inputs, "load_dataset", shuffled)


def killed_at_save(monkeypatch, number):
    from maxmargin.deep import training

    save, saved = training.save_checkpoint, []

    def killed(path, state):
        saved.append(path)
        save(path, state)
        if len(saved) == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", killed)


def test_it_chooses_then_trains_and_records_each_once(tmp_path):
    records, told = run(tmp_path)
    assert len(of_kind(records, "selection", method="softmax")) == 2
    assert len(of_kind(records, "selection", method="dlsvm-l2")) == 4
    tests = of_kind(records, "test")
    assert [(r["seed"], r["method"]) for r in tests] == [
        (seed, method) for seed in (0, 1) for method in ("softmax", "dlsvm-l2")
    ]
    assert all(r["error"] < 0.2 and len(r["curve"]["train_loss"]) == 6 for r in tests)
    for method in ("softmax", "dlsvm-l2"):
        best = min(of_kind(records, "selection", method=method), key=lambda r: r["error"])
        assert all(
            r["C"] == best["C"] and r["momentum"] == best["momentum"] for r in tests if r["method"] == method
        )
    told_of_each = {"versions", "commit", "machine", "device", "seconds", "seed"}
    assert all(told_of_each < record.keys() and record["device"] == "cpu" for record in records)
    assert "torch" in records[0]["versions"]
    assert len(told) == len(records)
    assert "left)" in told[0]
    assert "left)" not in told[-1]
    again, told = run(tmp_path, resume=True)
    assert again == records
    assert told == []
    assert not list((tmp_path / ".small").glob("*"))


def test_the_test_rows_reach_no_choice(tmp_path, monkeypatch):
    expected, _ = run(tmp_path / "true", range(1))
    shuffled_tests(monkeypatch, 400)
    records, _ = run(tmp_path / "shuffled", range(1))
    for one, other in zip(expected, records, strict=True):
        same = {name: other[name] for name in ("C", "momentum", "curve")}
        assert {name: one[name] for name in same} == same
        assert (one["error"] == other["error"]) == (one["kind"] == "selection")


def test_a_killed_run_goes_on(tmp_path, monkeypatch):
    expected, _ = run(tmp_path / "whole", range(1))
    killed_at_save(monkeypatch, 15)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", range(1))
    records, _ = run(tmp_path / "killed", range(1), resume=True)
    assert [r["error"] for r in records] == [r["error"] for r in expected]
    assert [r["curve"] for r in records] == [r["curve"] for r in expected]


def test_a_wider_grid_that_chooses_anew_is_trained_anew(tmp_path):
    first, _ = run(tmp_path, range(1))
    before = of_kind(first, "test", method="softmax")[0]
    other = 0.5 if before["momentum"] == 0.9 else 0.9
    text = PLAIN.replace("momentum = [0.5, 0.9] } }\ndlsvm", f"momentum = [{other}] }} }}\ndlsvm")
    second, told = run(tmp_path, range(1), text, resume=True)
    tests = of_kind(second, "test", method="softmax")
    assert [r["momentum"] for r in tests] == [before["momentum"], other]
    assert len(told) == 1


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rich")
    records, _ = run(folder, range(1), RICH)
    assert not list((folder / ".small").glob("*"))
    return records


def test_what_one_value_leaves_open_is_not_tried_and_what_is_swept_is_not_chosen(rich):
    tried = of_kind(rich, "selection")
    assert {r["method"] for r in tried} == {"soft-margin"}
    for data in ("Plain", "Varied"):
        errors = {r["margin"]: r["error"] for r in tried if r["data"] == data}
        (tested,) = of_kind(rich, "test", method="soft-margin", data=data)
        assert tested["margin"] == min(errors, key=errors.__getitem__)
        assert tested["softmax_weight_decay"] == 0.0005
    assert [r["margin"] for r in of_kind(rich, "sweep", method="margins")] == [0.0, 0.5]
    assert {r["data"] for r in rich if r["method"] in ("svm", "l-softmax", "back")} == {"Plain"}


def test_records_hold_what_tables_and_figures_show(rich):
    for record in of_kind(rich, "test"):
        assert record["accuracy"] == pytest.approx(1 - record["error"])
        assert record["error"] >= record["top_2_error"] >= record["top_5_error"]
        assert 0 < record["calibration_error"] < 1
        assert (record["n_test"], record["n_train"]) == (100, 300)
        assert record["curve"]["test_accuracy"][-1] == pytest.approx(record["accuracy"])
        assert len(record["images"]) == 32
        assert base64.b64decode(record["images"][0]).startswith(b"\x89PNG")
    (softmax,), (svm,) = (of_kind(rich, "test", method=m, data="Plain") for m in ("softmax", "svm"))
    assert softmax["cross_entropy"] < svm["cross_entropy"]
    assert svm["squared_hinge"] < softmax["squared_hinge"]


def test_a_net_that_goes_on_begins_where_the_other_ended(rich):
    (svm,), (back,) = of_kind(rich, "test", method="svm"), of_kind(rich, "drift")
    curve = back["curve"]
    assert curve["epoch"] == [0, 1, 2, 3, 4]
    assert curve["test_error"][0] == pytest.approx(svm["error"])
    assert (curve["cross_entropy"][0], curve["squared_hinge"][0]) == pytest.approx(
        (svm["cross_entropy"], svm["squared_hinge"])
    )
    assert curve["cross_entropy"][-1] < curve["cross_entropy"][0]
    assert curve["test_error"][-1] == pytest.approx(back["error"])


def test_the_objective_has_the_weights_cost(tmp_path):
    import torch

    from maxmargin.deep import PixelMean, apply_net
    from maxmargin.deep.ingredients import make_net

    text = (
        RICH[: RICH.index("[procedure.data.Varied]")]
        + """
[procedure.methods]
softmax = { loss = "CrossEntropyLoss", choices = { weight_decay = [0.01], lr = [1e-14] } }
svm = { loss = "OneVsRestHingeLoss", choices = { C = [0.5], lr = [1e-14] } }
[scales.quick]
note = "as if untrained"
changes = { epochs = 1, training = { head_weight_decay = 0.02 } }
"""
    )
    records, _ = run(tmp_path, range(1), text)
    net = make_net("tang-cifar", None, (1, 8, 8), 10, seed=0)
    inputs = network_inputs.Inputs(source="digits", net="", train_rows=300, test_rows=100)
    rows, target = inputs.parts()[0]
    scores = apply_net(net, PixelMean().fit(rows)(torch.tensor(rows))).astype(float)
    below, head = (
        sum(float(w.detach().square().sum()) for w in p.parameters() if w.ndim > 1) for p in net.children()
    )
    signs = np.where(np.arange(10) == target[:, None], 1, -1)
    entropy = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(300), target]
    hinges = (np.maximum(0, 1 - signs * scores) ** 2).sum(axis=1)
    for record in records:
        assert record["cross_entropy"] == pytest.approx(entropy.mean() + (0.01 * below + 0.02 * head) / 2)
        assert record["squared_hinge"] == pytest.approx(hinges.mean() + 0.02 * head / 2 / 0.5)


def plain_alone():
    start, end = RICH.index("[procedure.data.Varied]"), RICH.index("[procedure.methods]")
    sweep, drift = RICH.index("[procedure.methods.margins]"), RICH.index("[procedure.methods.back]")
    return RICH[:start] + RICH[end:sweep] + RICH[drift:]


def test_the_test_rows_reach_no_part_of_the_richer_trainings(rich, tmp_path, monkeypatch):
    shuffled_tests(monkeypatch, 100)
    records, _ = run(tmp_path, range(1), plain_alone())
    of_the_tests = {
        "error",
        "accuracy",
        "top_2_error",
        "top_5_error",
        "calibration_error",
        "seconds",
        "curve",
    }
    for one, other in zip((r for r in rich if r["data"] == "Plain"), records, strict=True):
        same = other.keys() - of_the_tests - {"seconds", "data", "commit"}
        assert {name: one[name] for name in same} == {name: other[name] for name in same}
        for name in one["curve"].keys() - {"test_accuracy", "test_error"}:
            assert one["curve"][name] == other["curve"][name]
        assert (one["error"] == other["error"]) == (one["kind"] == "selection")


def test_a_killed_run_of_continued_nets_goes_on(rich, tmp_path, monkeypatch):
    killed_at_save(monkeypatch, 20)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, range(1), plain_alone())
    monkeypatch.undo()
    for path in (tmp_path / ".small").glob("*/net.pt"):  # what was kept may be lost
        path.unlink()
    records, _ = run(tmp_path, range(1), plain_alone(), resume=True)
    expected = [r for r in rich if r["data"] == "Plain"]
    assert [(r["error"], r["curve"]) for r in records] == [(r["error"], r["curve"]) for r in expected]


def test_a_training_that_diverges_is_recorded_as_a_guess(tmp_path):
    text = PLAIN.replace("momentum = [0.5, 0.9] } }\ndlsvm", "lr = [0.1, 1e20] } }\ndlsvm")
    records, _ = run(tmp_path, range(1), text)
    tried = of_kind(records, "selection", method="softmax")
    assert [r.get("diverged", False) for r in tried] == [False, True]
    assert tried[1]["error"] == pytest.approx(0.9)
    assert of_kind(records, "test", method="softmax")[0]["lr"] == 0.1


def test_missing_data_are_told_of_and_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("MAXMARGIN_DATA", str(tmp_path / "nowhere"))
    here, away = (
        network_inputs.Inputs(source=source, net="mlp", train_rows=10, test_rows=10)
        for source in ("digits", "svhn")
    )
    told = []
    assert network_inputs.present({"here": here, "away": away}, told.append) == {"here": here}
    assert told[0].startswith("away is left out: ")
    also_away = (
        PLAIN + '[procedure.data.Away]\nsource = "svhn"\nnet = "mlp"\ntrain_rows = 9000\ntest_rows = 9\n'
    )
    alone, both = (read_experiment("small", text).at("quick").effort(range(1)) for text in (PLAIN, also_away))
    assert alone == both  # the time left is not that of runs which are left out
    with pytest.raises(InputError, match="svhn"):
        run(tmp_path / "none", range(1), PLAIN.replace('source = "digits"', 'source = "svhn"'))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('after = "svm"', 'after = "svn"', "methods.back: after is 'svn', which is no method before it"),
        ('data = ["Varied"]', 'data = ["Vared"]', "methods.margins: data names 'Vared'"),
        ('squared_hinge = "svm"', 'squared_hinge = "hinge"', "objectives names 'hinge'"),
        ('name = "PixelMean"', 'name = "Mean"', "data.Plain.preprocessing.0.name: Input should be"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", RICH.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("validation_rows = 300", "validation_rows = 1900", "has 1797 rows; more than 2300 are needed"),
        ('loss = "CrossEntropyLoss"', 'loss = "Loss"', "method softmax: .*no attribute 'Loss'"),
        ("C = [1.0]", "margins = [1.0]", "method softmax: .*unexpected keyword argument 'margins'"),
    ],
)
def test_what_cannot_be_run_is_said(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        run(tmp_path, text=PLAIN.replace(old, new))

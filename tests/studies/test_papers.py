"""A rerun of a paper's experiment chooses on validation rows, records each run once, and goes on."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.studies.papers import available_experiments, load_experiment, networks, reproduce
from maxmargin.studies.papers.experiment import read_experiment

SMALL = """
title = "small"
paper = "none"

[procedure]
kind = "networks"
data = "digits"
train_rows = 1397
test_rows = 400
validation_rows = 300
components = 30
net = "tang-mnist"
epochs = 6
selection_epochs = 2
noise = 0.5
training = { batch_size = 100, lr = 0.1, lr_schedule = "linear", head_weight_decay = 0.001 }

[procedure.methods]
softmax = { loss = "CrossEntropyLoss", C = [1.0], momentum = [0.5, 0.9] }
dlsvm-l2 = { loss = "OneVsRestHingeLoss", C = [0.03, 0.1, 0.2, 0.3], momentum = [0.5, 0.9] }

[scales.quick]
note = "six epochs"
"""


def run(out, seeds=range(2), text=SMALL, **options):
    told = []
    experiment = read_experiment("small", text)
    return reproduce(experiment, "quick", seeds, out, device="cpu", tell=told.append, **options), told


def test_it_chooses_then_trains_and_records_each_once(tmp_path):
    records, told = run(tmp_path)
    kinds = [(r["kind"], r["method"]) for r in records]
    assert kinds.count(("selection", "softmax")) == 2
    assert kinds.count(("selection", "dlsvm-l2")) == 8
    tests = [r for r in records if r["kind"] == "test"]
    assert [(r["seed"], r["method"]) for r in tests] == [
        (seed, method) for seed in (0, 1) for method in ("softmax", "dlsvm-l2")
    ]
    assert all(r["error"] < 0.2 and len(r["curve"]["train_loss"]) == 6 for r in tests)
    for method in ("softmax", "dlsvm-l2"):
        tried = [r for r in records if r["kind"] == "selection" and r["method"] == method]
        best = min(tried, key=lambda r: r["error"])
        assert all(
            r["C"] == best["C"] and r["momentum"] == best["momentum"] for r in tests if r["method"] == method
        )
    assert len(told) == len(records)
    assert "left)" in told[0]
    assert "left)" not in told[-1]
    again, told = run(tmp_path, resume=True)
    assert again == records
    assert told == []
    assert not list((tmp_path / ".small").glob("*"))


def test_the_test_rows_reach_no_choice(tmp_path, monkeypatch):
    expected, _ = run(tmp_path / "true", range(1))

    def shuffled(name):
        dataset = load_dataset(name)
        y = dataset.y.copy()
        y[-400:] = np.random.default_rng(0).permutation(y[-400:])
        return replace(dataset, y=y)

    monkeypatch.setattr(networks, "load_dataset", shuffled)
    records, _ = run(tmp_path / "shuffled", range(1))
    for one, other in zip(expected, records, strict=True):
        same = {name: other[name] for name in ("C", "momentum", "curve")}
        assert {name: one[name] for name in same} == same
        assert (one["error"] == other["error"]) == (one["kind"] == "selection")


def test_a_killed_run_goes_on(tmp_path, monkeypatch):
    expected, _ = run(tmp_path / "whole", range(1))
    saved = []
    from maxmargin.deep import training

    def killed(path, state):
        saved.append(path)
        save(path, state)
        if len(saved) == 20:
            raise KeyboardInterrupt

    save = training.save_checkpoint
    monkeypatch.setattr(training, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", range(1))
    records, _ = run(tmp_path / "killed", range(1), resume=True)
    assert [r["error"] for r in records] == [r["error"] for r in expected]
    assert [r["curve"] for r in records] == [r["curve"] for r in expected]


def test_a_wider_grid_that_chooses_anew_is_trained_anew(tmp_path):
    first, _ = run(tmp_path, range(1))
    before = next(r for r in first if (r["kind"], r["method"]) == ("test", "softmax"))
    other = "0.5" if before["momentum"] == 0.9 else "0.9"
    text = SMALL.replace("momentum = [0.5, 0.9] }\ndlsvm", f"momentum = [{other}] }}\ndlsvm")
    second, told = run(tmp_path, range(1), text, resume=True)
    assert [r["momentum"] for r in second if (r["kind"], r["method"]) == ("test", "softmax")] == [
        before["momentum"],
        float(other),
    ]
    assert len(told) == 1


def test_every_experiment_is_read_at_every_scale():
    for name in available_experiments():
        experiment = load_experiment(name)
        assert experiment.scales.keys() == {"quick", "full"}
        assert experiment.at("quick").effort(range(2)) < experiment.at("full").effort(range(2))
    assert load_experiment("tang-mnist").at("full").epochs == 400


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 6", "epochs = 6\nepoch = 7", r"small.toml: procedure.networks.epoch: Extra inputs"),
        ("noise = 0.5", "", r"small.toml: procedure.networks.noise: Field required"),
        ('kind = "networks"', 'kind = "nets"', r"small.toml: procedure: .*'nets'.*'networks'"),
        ('note = "six epochs"', 'note = "x"\nchanges = { epoch = 1 }', r"small.toml: .*epoch"),
        ("[scales.quick]", "[scales.quick", r"small.toml: .*line 22"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", SMALL.replace(old, new))


def test_what_cannot_be_run_is_said(tmp_path):
    with pytest.raises(InputError, match=r"unknown experiment 'tang'; choose from .*tang-mnist"):
        load_experiment("tang")
    with pytest.raises(InputError, match="unknown scale 'huge'; choose from quick"):
        read_experiment("small", SMALL).at("huge")
    with pytest.raises(InputError, match="has 1797 rows; more than 2300 are needed"):
        run(tmp_path, text=SMALL.replace("validation_rows = 300", "validation_rows = 1900"))
    (tmp_path / "small.jsonl").write_text('{"experiment": "small", "scale": "quick"}\n')
    with pytest.raises(InputError, match="add --resume to go on or choose another --out"):
        run(tmp_path)

"""A rerun of a paper's experiment chooses on validation rows, records each training once, and goes on."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.reports import reproduced
from maxmargin.studies import Reproduction, available_experiments, load_experiment
from maxmargin.studies import reproduction as module


@pytest.fixture
def small():
    return replace(
        load_experiment("tang-mnist"),
        data="digits",
        test_rows=400,
        validation_rows=300,
        components=30,
        training={"batch_size": 100, "lr": 0.1, "noise": 0.5, "head_weight_decay": 0.001},
        scales={"quick": {"train_rows": 1397, "epochs": 6, "selection_epochs": 2}},
    )


def run(experiment, out, seeds=range(2)):
    told = []
    return Reproduction(experiment, "quick", seeds, out, device="cpu", tell=told.append).run(), told


def test_it_chooses_then_trains_and_records_each_once(small, tmp_path):
    records, told = run(small, tmp_path)
    kinds = [(r["kind"], r["objective"]) for r in records]
    assert kinds.count(("selection", "softmax")) == 2
    assert kinds.count(("selection", "dlsvm-l2")) == 8
    tests = [r for r in records if r["kind"] == "test"]
    assert [(r["seed"], r["objective"]) for r in tests] == [
        (seed, objective) for seed in (0, 1) for objective in ("softmax", "dlsvm-l2")
    ]
    assert all(r["error"] < 0.2 and len(r["curve"]["train_loss"]) == 6 for r in tests)
    for objective in ("softmax", "dlsvm-l2"):
        tried = [r for r in records if r["kind"] == "selection" and r["objective"] == objective]
        best = min(tried, key=lambda r: r["error"])
        assert all(
            r["C"] == best["C"] and r["momentum"] == best["momentum"]
            for r in tests
            if r["objective"] == objective
        )
    assert len(told) == len(records)
    again, told = run(small, tmp_path)
    assert again == records
    assert told == []
    assert not list((tmp_path / ".tang-mnist").glob("*"))


def test_the_test_rows_reach_no_choice(small, tmp_path, monkeypatch):
    expected, _ = run(small, tmp_path / "true", range(1))

    def shuffled(name):
        dataset = load_dataset(name)
        y = dataset.y.copy()
        y[-small.test_rows :] = np.random.default_rng(0).permutation(y[-small.test_rows :])
        return replace(dataset, y=y)

    monkeypatch.setattr(module, "load_dataset", shuffled)
    records, _ = run(small, tmp_path / "shuffled", range(1))
    for one, other in zip(expected, records, strict=True):
        same = {name: other[name] for name in ("C", "momentum", "curve")}
        assert {name: one[name] for name in same} == same
        assert (one["error"] == other["error"]) == (one["kind"] == "selection")


def test_a_killed_run_goes_on(small, tmp_path, monkeypatch):
    expected, _ = run(small, tmp_path / "whole", range(1))
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
        run(small, tmp_path / "killed", range(1))
    records, _ = run(small, tmp_path / "killed", range(1))
    assert [r["error"] for r in records] == [r["error"] for r in expected]
    assert [r["curve"] for r in records] == [r["curve"] for r in expected]


def test_experiments_are_listed_and_read():
    assert available_experiments().keys() == {"tang-mnist"}
    experiment = load_experiment("tang-mnist")
    assert experiment.scales["full"] == {"train_rows": 60000, "epochs": 400, "selection_epochs": 40}
    with pytest.raises(InputError, match="unknown experiment 'tang'; choose from tang-mnist"):
        load_experiment("tang")


def test_what_cannot_be_run_is_said(small, tmp_path):
    with pytest.raises(InputError, match="unknown scale 'huge'; choose from quick"):
        Reproduction(small, "huge", range(1), tmp_path)
    with pytest.raises(InputError, match="has 1797 rows; tang-mnist needs more than 2300"):
        run(replace(small, validation_rows=1900), tmp_path)


def test_the_table_is_that_of_the_records():
    from rich.console import Console

    records = [
        {"kind": "test", "objective": "softmax", "error": error, "epochs": 400} for error in (0.009, 0.011)
    ] + [{"kind": "selection", "objective": "softmax", "error": 0.5, "epochs": 40}]
    console = Console(width=120)
    with console.capture() as captured:
        console.print(reproduced(records, {"softmax": 0.0099}))
    # t of one degree of freedom, 12.706, times the standard error 0.001
    assert captured.get().splitlines()[1].split() == [
        "softmax",
        "0.99%",
        "1.00%",
        "0.00%",
        "to",
        "2.27%",
        "2",
        "400",
    ]


def test_a_wider_grid_that_chooses_anew_is_trained_anew(small, tmp_path):
    narrow = {**small.objectives["softmax"], "momentum": [0.0]}
    wide = {**small.objectives["softmax"], "momentum": [0.0, 0.9]}
    first, _ = run(replace(small, objectives={"softmax": narrow}), tmp_path, range(1))
    second, told = run(replace(small, objectives={"softmax": wide}), tmp_path, range(1))
    assert [r["momentum"] for r in first if r["kind"] == "test"] == [0.0]
    assert [r["momentum"] for r in second if r["kind"] == "test"] == [0.9]
    assert len(told) == 2

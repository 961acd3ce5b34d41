"""Features and classifiers on top of them: choices by cross-validation among training rows, each run once."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.studies.papers import representations, reproduce
from maxmargin.studies.papers.experiment import load_experiment, read_experiment

N_TEST = 200
SMALL = """
title = "small"
paper = "none"

[procedure]
kind = "features"
data = "digits"
train_rows = 500
test_rows = 200

[procedure.representations]
pixels = { kind = "pixels" }
components = { kind = "components", variance = 0.9 }
cnn = { kind = "network", net = "ism3", loss = "CrossEntropyLoss", epochs = 6, batch_size = 50, lr = 0.005 }
codes = { kind = "codes", code_size = 16, epochs = 2, batch_size = 50, lr = 0.003 }

[procedure.classifiers.rbf]
kind = "kernel-machine"
of = "pixels"
rows = 200
strategies = ["ovo", "ovr"]
[procedure.classifiers.rbf.searches]
coarse = { C = { first = -2, last = 4, step = 2 }, gamma = { first = -7, last = -1, step = 3 } }
fine = { C = { first = 0, last = 1 }, gamma = { first = -4, last = -3, step = 0.5 } }

[procedure.classifiers]
centroids = { kind = "centroids", of = "components" }
neighbours = { kind = "neighbours", of = "pixels", rows = 500, counts = [1, 3, 40] }
cnn = { kind = "own-head", of = "cnn" }

[procedure.classifiers.linear]
kind = "linear-machine"
of = "components"
rows = 500
searches.wide = { first = -8, last = 0, step = 4 }

[procedure.classifiers.few]
kind = "linear-machine"
of = "cnn"
rows = 150
all_rows = false
searches.few = { first = -4, last = 0 }

[procedure.classifiers.coded]
kind = "linear-machine"
of = "codes"
rows = 200
searches.coded = { first = -4, last = 0 }

[procedure.classifiers.refit]
kind = "refitted-head"
of = "cnn"
estimator = "CrammerSingerSVC"
C = { first = -6, last = 0, step = 3 }

[scales.quick]
note = "all"
"""
NETWORK = (
    SMALL.split("[procedure.representations]")[0]
    + "representations."
    + next(line for line in SMALL.splitlines() if line.startswith("cnn = "))
    + """
classifiers.cnn = { kind = "own-head", of = "cnn" }

[scales.quick]
note = "all"
"""
)
ONCE = {"linear", "neighbours", "neighbours-peak", "centroids"}  # what no seed decides


def run(out, seeds=range(1), text=SMALL, **options):
    told = []
    experiment = read_experiment("small", text)
    return reproduce(experiment, "quick", seeds, out, device="cpu", tell=told.append, **options), told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    records, told = run(out, range(2))
    return out, records, told


def of(records, kind, name="method"):
    return {(r[name], r["seed"]): r for r in records if r["kind"] == kind}


def test_each_is_chosen_and_tested_once(whole):
    out, records, told = whole
    tests, selections = of(records, "test"), of(records, "selection", "search")
    seeded = {"rbf-ovo", "rbf-ovr", "few", "coded", "cnn", "cnn-peak", "refit"}
    assert tests.keys() == {(m, s) for m in seeded for s in (0, 1)} | {(m, 0) for m in ONCE}
    assert selections.keys() == {(m, s) for m in ("coarse", "fine", "few", "coded") for s in (0, 1)} | {
        ("wide", 0),
        ("neighbours", 0),
    }
    assert all(r["n_test"] == N_TEST and 0.1 < r["accuracy"] <= 1 for r in tests.values())
    assert {m: r["n_train"] for (m, s), r in tests.items() if s == 0 and m in ("few", "coded")} == {
        "few": 150,
        "coded": 500,
    }
    assert tests["rbf-ovo", 0]["accuracy"] > 0.9
    assert tests["rbf-ovo", 0]["accuracy"] != tests["rbf-ovr", 0]["accuracy"]
    assert len(told) == len(records)
    assert "left)" in told[0]
    assert not list((out / ".small").glob("*"))
    again, told = run(out, range(2), resume=True)
    assert (again, told) == (records, [])


def test_what_no_seed_decides_is_not_run_again_with_other_seeds(whole, tmp_path):
    _, records, _ = whole
    kept = [r for r in records if r["method"] in ONCE | {"pixels", "components"}]
    (tmp_path / "small.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in kept))
    only = {"pixels", "components"} | ONCE
    experiment = read_experiment("small", SMALL)
    procedure = experiment.procedure
    seedless = {name: c for name, c in procedure.classifiers.items() if name in only}
    shown = {name: r for name, r in procedure.representations.items() if name in only}
    small = procedure.model_copy(update={"classifiers": seedless, "representations": shown})
    told = []
    experiment = experiment.model_copy(update={"procedure": small})
    again = reproduce(experiment, "quick", range(5, 7), tmp_path, device="cpu", tell=told.append, resume=True)
    assert (again, told) == (kept, [])


def test_the_best_of_all_searches_is_tested(whole):
    _, records, _ = whole
    tests, selections = of(records, "test"), of(records, "selection", "search")
    for seed in (0, 1):
        both = [selections[search, seed] for search in ("coarse", "fine")]
        best = max(both, key=lambda r: r["accuracy"])
        assert all(tests["rbf-ovr", seed][name] == best[name] for name in ("C", "gamma"))
        for record in both:
            grid = record["grid"]
            scores = np.array(grid["accuracy"])
            assert scores.shape == (len(grid["C"]), len(grid["gamma"]))
            at = np.unravel_index(scores.argmax(), scores.shape)
            assert (record["C"], record["gamma"]) == (grid["C"][at[0]], grid["gamma"][at[1]])
            assert abs(record["accuracy"] - scores.max()) < 1e-5
    wide = selections["wide", 0]
    assert wide["curve"]["C"] == [2.0**-8, 2.0**-4, 1.0]
    assert tests["linear", 0]["C"] == wide["C"] == wide["curve"]["C"][np.argmax(wide["curve"]["accuracy"])]


def test_what_the_choice_on_test_rows_would_add_is_a_row_of_its_own(whole):
    _, records, _ = whole
    tests, learnt = of(records, "test"), of(records, "representation")
    curve = learnt["cnn", 1]["curve"]["test_accuracy"]
    assert tests["cnn", 1]["accuracy"] == curve[-1]
    assert tests["cnn-peak", 1]["accuracy"] == max(curve)
    found = tests["neighbours", 0]
    assert found["accuracy"] == found["curve"]["accuracy"][found["curve"]["count"].index(found["count"])]
    assert tests["neighbours-peak", 0]["accuracy"] == max(found["curve"]["accuracy"])


def test_what_is_learnt_of_images_is_shown(whole):
    _, records, _ = whole
    learnt = of(records, "representation")
    assert {name: learnt[name, 0]["features"] for name in ("pixels", "cnn", "codes")} == {
        "pixels": 64,
        "cnn": 64,
        "codes": 16,
    }
    assert 15 < learnt["components", 0]["features"] < 30
    codes = learnt["codes", 0]
    assert codes["curve"]["test_loss"][1] < codes["curve"]["test_loss"][0]
    assert len(codes["images"]) == 10
    assert all(image.startswith("iVBORw0KGgo") for image in codes["images"])  # what PNG files begin with


def test_the_test_rows_reach_no_choice(whole, tmp_path, monkeypatch):
    _, expected, _ = whole

    def shuffled(name):
        dataset = load_dataset(name)
        y = dataset.y.copy()
        y[-N_TEST:] = np.random.default_rng(0).permutation(y[-N_TEST:])
        return replace(dataset, y=y)

    monkeypatch.setattr(representations, "load_dataset", shuffled)
    records, _ = run(tmp_path)
    expected = [r for r in expected if r["seed"] == 0]
    for one, other in zip(expected, records, strict=True):
        chosen = ("C", "gamma", "count", "validation_accuracy", "grid")
        assert {k: one.get(k) for k in chosen} == {k: other.get(k) for k in chosen}
        if one["kind"] == "representation" and "curve" in one:
            assert one["curve"]["train_loss"] == other["curve"]["train_loss"]
        elif one["kind"] == "test":
            assert one["accuracy"] > other["accuracy"]
        elif one["kind"] == "selection":
            assert one["accuracy"] == other["accuracy"]


@pytest.mark.parametrize("stopped", [3, 13])
def test_a_killed_run_goes_on(whole, tmp_path, monkeypatch, stopped):
    _, expected, _ = whole
    from maxmargin.studies.records import RecordLog

    written = []

    def killed(log, *records):
        append(log, *records)
        written.append(records)
        if len(written) == stopped:
            raise KeyboardInterrupt

    append = RecordLog.append
    monkeypatch.setattr(RecordLog, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.setattr(RecordLog, "append", append)
    records, _ = run(tmp_path, resume=True)
    names = ("kind", "method", "accuracy", "C", "gamma")
    expected = [r for r in expected if r["seed"] == 0]
    assert [[r.get(k) for k in names] for r in records] == [[r.get(k) for k in names] for r in expected]
    assert not list((tmp_path / ".small").glob("*"))


def test_a_training_goes_on_from_its_checkpoint(whole, tmp_path, monkeypatch):
    _, expected, _ = whole
    from maxmargin.deep import training

    def killed(path, state):
        save(path, state)
        raise KeyboardInterrupt

    save = training.save_checkpoint
    monkeypatch.setattr(training, "save_checkpoint", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, text=NETWORK, resume=True)
    monkeypatch.setattr(training, "save_checkpoint", save)
    records, _ = run(tmp_path, text=NETWORK, resume=True)
    assert records[0]["curve"] == of(expected, "representation")["cnn", 0]["curve"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "pixels"', 'kind = "pictures"', r"small.toml: .*'pictures'.*'pixels'"),
        ('of = "components"', 'of = "component"', r"unknown representation 'component'; choose from pixels"),
        (", variance = 0.9", "", r"small.toml: .*variance: Field required"),
        ("rows = 200", "rows = 200\nrow = 1", r"small.toml: .*row: Extra inputs"),
        ('"CrammerSingerSVC"', '"KernelSVC"', r"small.toml: .*CrammerSingerSVC"),
    ],
)
def test_a_wrong_file_is_refused(old, new, message):
    with pytest.raises(InputError, match=message):
        read_experiment("small", SMALL.replace(old, new))


def test_rows_that_do_not_do_are_refused(tmp_path):
    with pytest.raises(InputError, match="has 1797 rows; at least 1800 are needed"):
        run(tmp_path, text=SMALL.replace("train_rows = 500", "train_rows = 1600"))
    with pytest.raises(InputError, match="iris holds no images"):
        run(
            tmp_path,
            text=SMALL.replace('"digits"', '"iris"').replace("= 500", "= 50").replace("= 200", "= 20"),
        )


def test_the_tables_know_which_rows_no_seed_decides():
    experiment = load_experiment("gogos-pixels")
    rows = {row for claim in experiment.tables[0].claims for row in (claim.better, *claim.than)}
    _, second = experiment.procedure._run_with(1, range(2))
    assert (
        rows & set(experiment.tables[0].seedless)
        == rows & experiment.procedure.classifiers.keys() - second.keys()
    )
    assert second.keys() == {"rbf"}

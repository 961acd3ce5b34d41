from dataclasses import replace

import numpy as np
import pytest

from maxmargin import load_model
from maxmargin._checks import InputError
from maxmargin.datasets import Dataset
from maxmargin.reports import summarise
from maxmargin.studies import METHODS, NETWORKS, Comparison, NetSettings, Settings, fit_method, methods_on
from maxmargin.studies.deep_methods import DEEP_METHODS

DEEP = [method.name for method in DEEP_METHODS]
ONE_EPOCH = NetSettings(epochs=1)


@pytest.fixture(scope="module")
def bars() -> Dataset:
    """Images of 16 x 16 pixels with a horizontal or a vertical bar."""
    rng = np.random.default_rng(0)
    y = np.arange(48) % 2
    images = rng.uniform(0, 0.2, (48, 16, 16)).astype(np.float32)
    for image, label, place in zip(images, y, rng.integers(2, 13, 48), strict=True):
        image[(slice(place, place + 2), slice(None))[:: 1 if label else -1]] = 1.0
    names = [f"pixel {k}" for k in range(256)]
    return Dataset("bars", images.reshape(48, 256), y, names, "way", "image", (16, 16), source="bars")


def test_the_networks_are_those_that_there_are():
    pytest.importorskip("torch")
    from maxmargin.deep.nets import NETS

    assert set(NETWORKS) == set(NETS)


def test_the_network_suits_the_data_where_none_is_named(bars, iris):
    assert NetSettings().on(bars).net == "ism3"
    assert NetSettings("gogos-64").on(bars).net == "gogos-64"
    assert NetSettings().on(replace(bars, X=bars.X[:, :64], image_shape=(8, 8))).net == "mlp"
    assert NetSettings().on(iris).net == "mlp"


@pytest.mark.parametrize("name", DEEP)
def test_every_deep_method_learns_images_and_is_loaded_equal_to_the_bit(bars, tmp_path, name):
    pytest.importorskip("torch")
    method = METHODS[name].on(bars, ONE_EPOCH)
    fitted = fit_method(bars, method, cv=2, seed=3)
    loaded = load_model(fitted.save(bars, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(bars.X), fitted.pipeline.predict(bars.X))
    assert hasattr(loaded, "predict_proba") == method.has_probabilities
    again = fit_method(bars, method, params=fitted.params, seed=3)
    np.testing.assert_array_equal(again.pipeline.predict(bars.X), fitted.pipeline.predict(bars.X))


@pytest.mark.parametrize("name", DEEP)
def test_a_table_is_learnt_or_refused_in_one_line(iris, name):
    pytest.importorskip("torch")
    if "image" not in METHODS[name].kinds or "table" in METHODS[name].kinds:
        fitted = fit_method(iris, METHODS[name].on(iris, ONE_EPOCH), cv=2)
        assert np.mean(fitted.pipeline.predict(iris.X) == iris.y) > 0.6
        return
    with pytest.raises(
        InputError, match=rf"^method {name.replace('+', '.')} takes images, but iris is a table"
    ):
        METHODS[name].on(iris, ONE_EPOCH)


@pytest.fixture(scope="module")
def compared(bars, tmp_path_factory):
    pytest.importorskip("torch")
    settings = Settings(("softmax-net", "cnn+linear-svc", "dummy"), repeats=2, seed=5, epochs=2)
    study = Comparison(bars, settings, tmp_path_factory.mktemp("bars") / "run")
    study.run()
    return study


def test_a_network_is_trained_once_a_split_and_its_record_keeps_how(compared):
    kinds = [record["kind"] for record in compared.records]
    assert sorted(set(kinds)) == ["model", "study", "test"]
    for record in compared.records:
        if record.get("method") in ("softmax-net", "cnn+linear-svc") and record["kind"] == "test":
            assert [epoch["epoch"] for epoch in record["history"]] == [0, 1]
            assert record["history"][1]["train_loss"] < record["history"][0]["train_loss"]
            assert np.shape(record["filters"])[1:] == (5, 5)
            # The largest weight of each, or its negative, is at an end of the scale.
            each = np.reshape(record["filters"], (len(record["filters"]), -1))
            assert ((each.max(axis=1) == 255) | (each.min(axis=1) == 1)).all()
        elif record["kind"] == "test":
            assert "history" not in record
    assert "torch" in compared.records[0]["versions"]
    assert compared.records[0]["networks"] == {"net": "ism3", "epochs": 2}


def test_the_seed_of_a_split_decides_its_network(compared, bars, outcome, tmp_path):
    """A run cut in two, and the same network under two machines, show that every fit is repeatable."""
    lines = compared.log.path.read_bytes().splitlines(keepends=True)
    (tmp_path / "records.jsonl").write_bytes(b"".join(lines[:3]))
    records = Comparison(bars, compared.settings, tmp_path).run(resume=True)
    assert outcome(records) == outcome(compared.records)
    first, second = (r for r in summarise(records).results if r.method != "dummy")
    losses = [[[epoch["train_loss"] for epoch in h] for h in r.histories] for r in (first, second)]
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[0][1]


def test_another_number_of_epochs_is_another_run(compared, bars):
    settings = replace(compared.settings, epochs=3)
    with pytest.raises(InputError, match="holds a run with --epochs 2, not 3"):
        Comparison(bars, settings, compared.out).run(resume=True)


def test_a_network_by_name_adds_the_deep_methods_that_suit_the_data(bars, iris):
    pytest.importorskip("torch")
    shallow = [method.name for method in methods_on(iris, Settings())]
    assert not set(shallow) & set(DEEP)
    assert [m.name for m in methods_on(bars, Settings(net="mlp"))] == shallow + DEEP
    on_table = [m.name for m in methods_on(iris, Settings(net="mlp"))]
    assert on_table == shallow + [name for name in DEEP if "table" in METHODS[name].kinds]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"net": "vgg"}, "unknown --net 'vgg'; choose from mlp, tang-mnist, "),
        ({"epochs": 0}, "--epochs is 0; it must be at least 1"),
        ({"net": "mlp", "methods": ("m3",)}, "--net is 'mlp', but no method trains a network"),
        ({"net": "ism3", "methods": ("softmax-net",)}, "--net ism3 takes images, but iris is a table"),
        ({"device": "tpu", "methods": ("softmax-net",)}, "unknown device 'tpu'; choose from auto, cpu, cuda"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(iris, settings, message):
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=message):
        methods_on(iris, Settings(**settings))

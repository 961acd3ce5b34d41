import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

from maxmargin import load_model, save_model  # noqa: E402
from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep.classifier import MarginClassifier  # noqa: E402
from maxmargin.deep.filters import first_filters  # noqa: E402
from maxmargin.deep.heads import find_head  # noqa: E402
from maxmargin.deep.transformers import AutoencoderFeatures, NetFeatures  # noqa: E402


def of(name, shape):
    if name == "autoencoder":
        return AutoencoderFeatures(shape, code_size=5, epochs=1, random_state=0)
    return NetFeatures(MarginClassifier("mlp", epochs=1, image_shape=shape, random_state=0))


@pytest.mark.parametrize("name", ["autoencoder", "network"])
@pytest.mark.parametrize("shape", [(8, 8), (7, 10, 3)])
def test_saved_and_loaded_they_give_the_same_features(name, shape, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, int(np.prod(shape)))).astype(np.float32), np.arange(24) % 2
    model = make_pipeline(of(name, shape), DummyClassifier()).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model"))
    expected = model[0].transform(X)
    np.testing.assert_array_equal(loaded[0].transform(X), expected)
    assert expected.shape == (24, 5 if name == "autoencoder" else 256)
    assert np.ptp(expected, axis=0).max() > 0
    np.testing.assert_array_equal(of(name, shape).fit(X, y).transform(X), expected)


def test_features_of_a_network_are_what_its_head_is_given():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 6)), np.arange(30) % 3
    features = NetFeatures(MarginClassifier(epochs=2, random_state=0)).fit(X, y)
    head = find_head(features.net_)
    with torch.no_grad():
        scores = head(torch.from_numpy(features.transform(X))).numpy()
    np.testing.assert_allclose(scores, features.classifier_.decision_function(X), rtol=1e-5, atol=1e-6)


def test_centred_pixels_come_back_into_their_range():
    rng = np.random.default_rng(0)
    pixels = np.round(rng.uniform(size=(40, 16)), 1).astype(np.float32)
    pixels[0], pixels[1, 0] = 0, 1
    centred = pixels - pixels.mean(axis=0)
    features = AutoencoderFeatures((4, 4), epochs=1, random_state=0).fit(centred)
    np.testing.assert_allclose(features._images(centred).reshape(40, 16).numpy(), pixels, atol=1e-6)


def test_rows_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"image_shape is \(4, 5\), but rows hold 16 values"):
        AutoencoderFeatures((4, 5)).fit(np.zeros((3, 16)))


@pytest.mark.parametrize("channels", [1, 3])
def test_filters_are_those_of_the_first_layer(channels):
    net = torch.nn.Sequential(torch.nn.Conv2d(channels, 70, 3), torch.nn.Conv2d(70, 2, 5))
    filters = np.array(first_filters(net))
    assert filters.shape == ((64, 3, 3) if channels == 1 else (64, 3, 3, 3))
    weights = net[0].weight.detach().numpy()[5]
    expected = np.round(128 + 127 * weights / np.abs(weights).max()).transpose(1, 2, 0).squeeze()
    np.testing.assert_allclose(filters[5], expected, atol=1)
    assert first_filters(torch.nn.Conv2d(2, 4, 3)) is None

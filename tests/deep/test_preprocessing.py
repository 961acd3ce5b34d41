"""Laws of the preprocessing layers, and scikit-learn as their oracle."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep import preprocessing  # noqa: E402
from maxmargin.deep.preprocessing import PerImageNorm, PixelMean, PixelStandardisation, PrincipalComponents  # noqa: E402

MAKERS = {
    "norm": PerImageNorm,
    "mean": PixelMean,
    "standardisation": PixelStandardisation,
    "components": lambda: PrincipalComponents(5),
    "components-global": lambda: PrincipalComponents(0.8, scale="global"),
    "components-whiten": lambda: PrincipalComponents(5, scale="whiten"),
}
FITTED = [name for name in MAKERS if name != "norm"]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 12)).dot(rng.normal(size=(12, 12))).reshape(200, 1, 3, 4) + 3


@pytest.fixture(params=[2**26, 8 * 12 * 7], ids=["one block", "blocks of 7 rows"])
def blocks(request, monkeypatch):
    monkeypatch.setattr(preprocessing, "_BLOCK_BYTES", request.param)


@pytest.mark.parametrize("name", MAKERS)
def test_fit_returns_the_layer_and_rows_do_not_see_each_other(name, images):
    X = torch.from_numpy(images)
    layer = MAKERS[name]()
    assert layer.fit(X) is layer
    torch.testing.assert_close(layer(X)[3:5], layer(X[3:5]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MAKERS)
def test_arrays_memory_maps_and_tensors_fit_alike(name, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    X = torch.from_numpy(images)
    expected = MAKERS[name]().fit(X)(X)
    for rows in (images, mapped):
        assert torch.equal(MAKERS[name]().fit(rows)(X), expected)


@pytest.mark.parametrize("name", FITTED)
def test_saved_layers_load_into_unfitted_ones_inside_a_net(name, images):
    X = torch.from_numpy(images)
    net = nn.Sequential(MAKERS[name]().fit(X), nn.Flatten())
    other = nn.Sequential(MAKERS[name](), nn.Flatten())
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(X), net(X))
    assert all(
        torch.equal(a, b) for a, b in zip(other.state_dict().values(), net.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("name", FITTED)
def test_layers_without_data_or_with_other_rows_say_so(name, images):
    X = torch.from_numpy(images)
    with pytest.raises(InputError, match=r"is not fitted; call fit\(X\) first"):
        MAKERS[name]()(X)
    with pytest.raises(InputError, match=r"rows have shape \(4,\); the layer was fitted to \(1, 3, 4\)"):
        MAKERS[name]().fit(X)(torch.zeros(2, 4))
    with pytest.raises(InputError, match="not finite"):
        MAKERS[name]().fit(torch.where(X > 5, torch.inf, X))


@pytest.mark.parametrize("name", MAKERS)
def test_rows_are_needed(name):
    for X in (torch.zeros(0, 3), torch.zeros(3), np.zeros((4, 0))):
        with pytest.raises(InputError, match="X has shape"):
            MAKERS[name]().fit(X)


@pytest.mark.parametrize("name", MAKERS)
def test_the_type_of_the_training_rows_is_the_type_of_the_layer(name, images):
    layer = MAKERS[name]().fit(images.astype(np.float32))
    assert layer(torch.from_numpy(images).float()).dtype == torch.float32
    pixels = (torch.from_numpy(images) * 10).clamp(0, 255).to(torch.uint8)
    assert MAKERS[name]().fit(pixels)(pixels).dtype == torch.float32


def test_images_get_mean_zero_and_tangs_norm(images):
    X = torch.from_numpy(images)
    rows = PerImageNorm()(X).flatten(1)
    torch.testing.assert_close(rows.norm(dim=1), torch.full((200,), 100.0).double())
    torch.testing.assert_close(rows.mean(1), torch.zeros(200).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(PerImageNorm()(3 * X + 7), PerImageNorm()(X))
    assert not PerImageNorm()(torch.full((2, 1, 3, 3), 0.1)).any()
    with pytest.raises(InputError, match="norm is 0"):
        PerImageNorm(0)


@pytest.mark.usefixtures("blocks")
def test_pixels_are_standardised_like_scikit_learn(images):
    images[:, 0, 1, 2] = 0.1  # a constant pixel, whose computed variance is rounding
    expected = StandardScaler().fit_transform(images.reshape(200, -1)).reshape(images.shape)
    X = torch.from_numpy(images)
    np.testing.assert_allclose(PixelStandardisation().fit(images)(X), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(PixelMean().fit(images)(X), images - images.mean(0), rtol=0, atol=1e-12)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("n_components", [1, 5, 12, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("scale", ["none", "global", "whiten"])
def test_components_are_those_of_scikit_learn(images, n_components, scale):
    flat = images.reshape(200, -1)
    oracle = PCA(n_components, svd_solver="full", whiten=scale == "whiten").fit(flat)
    expected = oracle.transform(flat)
    if scale == "global":
        expected = expected / np.sqrt(oracle.explained_variance_.mean())
    layer = PrincipalComponents(n_components, scale).fit(images)
    np.testing.assert_allclose(layer(torch.from_numpy(images)), expected, rtol=0, atol=1e-9)


def test_float32_images_get_components_of_float64(images):
    oracle = PCA(5).fit_transform(images.reshape(200, -1).astype(np.float32).astype(np.float64))
    single = images.astype(np.float32)
    np.testing.assert_allclose(
        PrincipalComponents(5).fit(single)(torch.from_numpy(single)), oracle, rtol=1e-5, atol=1e-5
    )


def test_more_components_than_the_rows_span_are_refused_and_those_without_variance_stay_finite(images):
    with pytest.raises(
        InputError, match=r"X has shape \(4, 1, 3, 4\); it has at most 3 principal components"
    ):
        PrincipalComponents(4).fit(images[:4])
    flat = np.repeat(images.reshape(200, -1)[:, :2], 3, axis=1)
    whitened = PrincipalComponents(6, scale="whiten").fit(flat)(torch.from_numpy(flat))
    np.testing.assert_allclose(whitened[:, :2].std(0), [1, 1], rtol=1e-10)
    assert whitened[:, 2:].abs().max() < 1e-10


@pytest.mark.parametrize("n_components", [0, -1, 1.5, 1.0, 0.0, True, "mle"])
def test_impossible_component_counts_are_refused(n_components):
    with pytest.raises(InputError, match="it must be an integer of at least 1 or a share"):
        PrincipalComponents(n_components)


def test_unknown_scales_are_refused():
    with pytest.raises(InputError, match="unknown scale 'zca'; choose from none, global, whiten"):
        PrincipalComponents(2, scale="zca")

import numpy as np
import pytest

from maxmargin._checks import InputError

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset, TensorDataset  # noqa: E402

from maxmargin.deep.features import extract_features  # noqa: E402
from maxmargin.deep.nets import HeadedNet  # noqa: E402


class Stranger(nn.Module):
    """A net of somebody else: parts out of order, inplace activations, a keyword argument, dropout."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.conv = nn.Conv2d(1, 4, 3)
        self.drop = nn.Dropout(0.5)
        self.twice = nn.ReLU()
        self.unused = nn.Conv2d(1, 1, 1)
        self.inplace = nn.ReLU(inplace=True)
        self.classify = nn.Linear(64, 3)

    def forward(self, x):
        x = self.inplace(self.conv(x))
        x = self.twice(self.twice(self.norm(x)))
        return self.classify(input=self.drop(x).flatten(1))


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Stranger()
    net(torch.randn(20, 1, 6, 6))
    net.conv.eval()
    return net


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(11, 1, 6, 6)).astype(np.float32)


def expected(net, images):
    """The penultimate activations, by hand."""
    x = nn.functional.conv2d(torch.from_numpy(images), net.conv.weight, net.conv.bias).relu()
    norm = net.norm
    x = nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return x.relu().flatten(1).detach().numpy()


def state(net):
    flags = [part.training for part in net.modules()]
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in net.modules()]
    return flags, hooks, {name: value.clone() for name, value in net.state_dict().items()}


def assert_unchanged(net, before):
    flags, hooks, values = state(net)
    assert (flags, hooks) == before[:2]
    assert all(torch.equal(values[name], value) for name, value in before[2].items())


class Endless(IterableDataset):
    """Rows whose number is not known beforehand."""

    def __init__(self, images):
        self.images = images

    def __iter__(self):
        return iter(torch.from_numpy(self.images))


SOURCES = {
    "array": lambda images, _: images,
    "doubles": lambda images, _: images.astype(np.float64),
    "list": lambda images, _: images.tolist(),
    "tensor": lambda images, _: torch.from_numpy(images),
    "memmap": lambda images, folder: _mapped(images, folder),
    "dataset": lambda images, _: TensorDataset(torch.from_numpy(images)),
    "pairs": lambda images, _: TensorDataset(torch.from_numpy(images), torch.arange(len(images))),
    "loader": lambda images, _: DataLoader(TensorDataset(torch.from_numpy(images)), 3),
    "plain loader": lambda images, _: DataLoader(torch.from_numpy(images), 3),
    "iterable": lambda images, _: Endless(images),
}


def _mapped(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_penultimate_activations_of_any_data(source, batch_size, net, images, tmp_path):
    before = state(net)
    data = SOURCES[source](images, tmp_path)
    features = extract_features(net, data, batch_size=batch_size)
    assert (type(features), features.dtype, features.shape) == (np.ndarray, np.float32, (11, 64))
    np.testing.assert_allclose(features, expected(net, images), atol=1e-6)
    assert_unchanged(net, before)
    written = extract_features(net, data, batch_size=batch_size, out=tmp_path / "new" / "features.npy")
    assert isinstance(written, np.memmap)
    assert not written.flags.writeable
    for found in (written, np.load(tmp_path / "new" / "features.npy")):
        assert (found.dtype, found.tolist()) == (features.dtype, features.tolist())
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["features.npy"]


def test_the_output_of_a_layer_before_what_follows_works_in_place(net, images):
    features = extract_features(net, images, "conv")
    assert features.shape == (11, 4 * 4 * 4)
    by_hand = nn.functional.conv2d(torch.from_numpy(images), net.conv.weight, net.conv.bias)
    np.testing.assert_allclose(features, by_hand.flatten(1).detach(), atol=1e-6)
    assert features.min() < 0


def test_the_input_of_a_head_that_is_not_the_last_linear_layer(images):
    net = HeadedNet(nn.Flatten(), nn.Linear(36, 2))
    net.after = nn.Linear(2, 2)
    assert np.array_equal(extract_features(net, images), images.reshape(11, 36))


def test_bytes_are_pixels():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    pixels = np.array([[[0, 255], [51, 102]]], dtype=np.uint8)
    np.testing.assert_allclose(extract_features(net, pixels), [[0, 1, 0.2, 0.4]], atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_in_another_precision(dtype):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)).to(dtype)
    rows = np.eye(3)
    features = extract_features(net, rows)
    assert features.dtype == np.float32
    assert np.array_equal(features, net[0](torch.eye(3, dtype=dtype)).detach().float().numpy())


def test_a_model_can_be_trained_on_after_extraction():
    class Caching(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2, 2)
            self.scale = None

        def forward(self, x):
            if self.scale is None:
                self.scale = x.new_full((2,), 2.0) * 1
            return self.head(x * self.scale)

    net = Caching()
    extract_features(net, np.ones((3, 2)))
    inputs = torch.ones(3, 2, requires_grad=True)
    net(inputs).sum().backward()
    assert inputs.grad is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda", 0)], ids=repr)
def test_a_device_is_used_and_the_model_comes_back(net, images, device):
    before, weight, places = state(net), net.conv.weight, []
    with net.conv.register_forward_hook(lambda *_: places.append(net.conv.weight.device.type)):
        features = extract_features(net, images, device=device)
    assert places == ["cuda"]
    assert net.conv.weight is weight
    np.testing.assert_allclose(features, expected(net, images), atol=1e-2)
    assert_unchanged(net, before)


@pytest.mark.parametrize("device", ["auto", "cpu", torch.device("cpu")], ids=repr)
def test_a_device_is_one_of_torchs_or_its_name(net, images, device):
    features = extract_features(net, images, device=device)
    np.testing.assert_allclose(features, extract_features(net, images), rtol=1e-4, atol=1e-5)


def test_a_device_that_is_not_there_is_refused(net, images):
    before = state(net)
    with pytest.raises(InputError, match="device 'meta'"):
        extract_features(net, images, device="meta")
    assert_unchanged(net, before)


class Failing(nn.Module):
    def __init__(self, at):
        super().__init__()
        self.head, self.count, self.at = nn.Linear(2, 2), 0, at

    def forward(self, x):
        self.count += 1
        if self.count == self.at:
            raise RuntimeError("a failure in the net")
        return self.head(x)


def test_a_failure_leaves_the_model_and_the_file_that_was_there(tmp_path):
    net = Failing(at=2)
    before = state(net)
    (tmp_path / "f.npy").write_bytes(b"old")
    with pytest.raises(RuntimeError, match="a failure in the net"):
        extract_features(net, np.ones((4, 2)), batch_size=2, out=tmp_path / "f.npy")
    assert_unchanged(net, before)
    assert [file.name for file in tmp_path.iterdir()] == ["f.npy"]
    assert (tmp_path / "f.npy").read_bytes() == b"old"


def test_a_failure_to_write_leaves_the_model(net, images, tmp_path):
    before = state(net)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        extract_features(net, images, batch_size=2, out=tmp_path / "folder")
    assert_unchanged(net, before)


class Changing(nn.Module):
    """Features as wide as the batch is long."""

    def __init__(self):
        super().__init__()
        self.inner, self.head = nn.Identity(), nn.Linear(1, 1)

    def forward(self, x):
        return self.inner(x.sum() * torch.ones(len(x), len(x)))


PAIRS = TensorDataset(torch.eye(3), torch.arange(3))
REFUSED = {
    "unknown layer": (
        lambda: Stranger(),
        "conv1",
        r"unknown layer 'conv1'; choose from norm, conv, drop, twice",
    ),
    "skipped": (lambda: Stranger(), "unused", r"Stranger runs layer 'unused' 0 times a batch; name a layer"),
    "called twice": (lambda: Stranger(), "twice", r"runs layer 'twice' 2 times a batch"),
    "no head": (lambda: nn.Sequential(nn.Flatten()), None, "has no nn.Linear"),
    "several tensors": (lambda: nn.Sequential(nn.Flatten(), nn.LSTM(36, 2)), "1", "are a tuple, no tensor"),
    "no row each": (
        lambda: nn.Sequential(nn.Flatten(0), nn.Linear(396, 2)),
        "1",
        r"11 rows have shape \(2,\)",
    ),
    "other widths": (lambda: Changing(), "inner", "one batch has 4 features a row and another 3"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_gives_no_features_is_refused(name, images):
    make, layer, said = REFUSED[name]
    net = make()
    before = state(net)
    with pytest.raises(InputError, match=said) as caught:
        extract_features(net, images, layer, batch_size=4 if name == "other widths" else 256)
    assert "\n" not in str(caught.value)
    assert_unchanged(net, before)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.empty((0, 3)), "the data have no rows"),
        (np.array(["a", "b"]), "give rows of numbers"),
        (np.float64(1.0), "give rows of numbers"),
        (DataLoader(PAIRS, shuffle=True), "the DataLoader shuffles.*shuffle=False"),
        (DataLoader([{"image": torch.ones(3)}]), "the data give a dict; give a tensor"),
    ],
)
def test_data_that_cannot_be_used_are_refused(data, said):
    with pytest.raises(InputError, match=said):
        extract_features(nn.Linear(3, 2), data)


def test_a_batch_size_of_nothing_is_refused():
    with pytest.raises(InputError, match="batch_size is 0"):
        extract_features(nn.Linear(3, 2), np.eye(3), batch_size=0)

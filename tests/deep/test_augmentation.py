"""Laws of the augmentations."""

import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from maxmargin._checks import InputError  # noqa: E402
from maxmargin.deep.augmentation import GaussianNoise, RandomCrop, RandomMirror, RandomShift, RandomSimilarity  # noqa: E402

MAKERS = {
    "mirror": RandomMirror,
    "shift": lambda: RandomShift(2),
    "crop": RandomCrop,
    "similarity": RandomSimilarity,
    "noise": GaussianNoise,
}
NOTHING = {
    "mirror": lambda: RandomMirror(0.0),
    "shift": lambda: RandomShift(0),
    "crop": lambda: RandomCrop(0),
    "similarity": lambda: RandomSimilarity(0.0, 0.0, 0.0),
    "noise": lambda: GaussianNoise(0.0),
}
IMAGE_LAYERS = [name for name in MAKERS if name != "noise"]


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randn(64, 3, 9, 12)


@pytest.mark.parametrize("name", MAKERS)
def test_training_changes_images_and_evaluation_does_not(name, images):
    layer = MAKERS[name]()
    assert not torch.equal(layer(images), images)
    assert layer.eval()(images) is images


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", MAKERS)
def test_shape_and_type_stay(name, images, dtype):
    changed = MAKERS[name]()(images.to(dtype))
    assert changed.shape == images.shape
    assert changed.dtype == dtype


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_of_torch_reproduces_them(name, images):
    layer = MAKERS[name]()
    torch.manual_seed(1)
    first, second = layer(images), layer(images)
    torch.manual_seed(1)
    assert torch.equal(layer(images), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", MAKERS)
def test_each_image_has_draws_of_its_own(name, images):
    same = images[:1].expand(64, -1, -1, -1)
    changed = MAKERS[name]()(same)
    assert len(changed.flatten(1).unique(dim=0)) > 1


@pytest.mark.parametrize("name", IMAGE_LAYERS)
def test_channels_of_an_image_move_together(name, images):
    grey = images[:, :1].expand(-1, 3, -1, -1)
    changed = MAKERS[name]()(grey)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert torch.equal(changed[:, 0], changed[:, 2])


@pytest.mark.parametrize("name", NOTHING)
def test_amounts_of_zero_change_nothing(name, images):
    torch.testing.assert_close(NOTHING[name]()(images), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", IMAGE_LAYERS)
@pytest.mark.parametrize(
    "batch", [torch.zeros(4, 9), torch.zeros(3, 9, 9), torch.zeros(2, 3, 9, 9, dtype=torch.uint8)]
)
def test_batches_that_are_no_images_are_refused(name, batch):
    with pytest.raises(InputError, match=r"it needs floating-point images \(N, channels, height, width\)"):
        MAKERS[name]()(batch)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomMirror(1.5), "p is 1.5; it must be a probability"),
        (lambda: RandomMirror(-0.5), "p is -0.5"),
        (lambda: RandomShift(-1), "pixels is -1; it must be an integer of at least 0"),
        (lambda: RandomCrop(2.5), "padding is 2.5"),
        (lambda: RandomSimilarity(rotation=-1), "rotation is -1"),
        (lambda: RandomSimilarity(scale=math.inf), "scale is inf"),
        (lambda: GaussianNoise(-1), "std is -1"),
        (lambda: GaussianNoise()(torch.zeros(3, dtype=torch.int64)), "GaussianNoise got torch.int64"),
    ],
)
def test_impossible_amounts_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_mirrors_are_exact_and_as_frequent_as_asked(images):
    torch.manual_seed(0)
    many = images[:1].expand(4000, -1, -1, -1)
    changed = RandomMirror(0.3)(many)
    mirrored = (changed == images[:1].flip(-1)).flatten(1).all(1)
    assert (mirrored | (changed == images[:1]).flatten(1).all(1)).all()
    assert float(mirrored.float().mean()) == pytest.approx(0.3, abs=0.03)


def test_crops_are_all_windows_of_the_padded_image():
    torch.manual_seed(0)
    image = torch.arange(1.0, 21).view(1, 1, 4, 5)
    padded = nn.functional.pad(image, [2] * 4)[0, 0]
    windows = {tuple(padded[i : i + 4, j : j + 5].flatten().tolist()) for i in range(5) for j in range(5)}
    crops = RandomCrop(2)(image.expand(1000, -1, -1, -1)).flatten(1)
    assert {tuple(crop.tolist()) for crop in crops} == windows


def test_one_seed_gives_the_crop_and_the_shift_alike(images):
    torch.manual_seed(3)
    crops = RandomCrop(4)(images)
    torch.manual_seed(3)
    assert torch.equal(RandomShift(4)(images), crops)


def centres(images):
    """Centres of mass (x, y) in pixels from the middle of each image."""
    _, _, height, width = images.shape
    mass = images.sum((1, 2, 3))
    x = (images.sum((1, 2)) * (torch.arange(width) - (width - 1) / 2)).sum(1) / mass
    y = (images.sum((1, 3)) * (torch.arange(height) - (height - 1) / 2)).sum(1) / mass
    return torch.stack([x, y], 1)


def blobs(n, x, y):
    """Images of 41 x 61 with a smooth blob (x, y) from the middle."""
    rows, columns = torch.arange(41.0) - 20 - y, torch.arange(61.0) - 30 - x
    return torch.exp(-(rows[:, None] ** 2 + columns**2) / 8).expand(n, 1, -1, -1)


@pytest.mark.parametrize(
    ("layer", "radii", "shifts"),
    [
        (RandomSimilarity(30, 0, 0), (10, 10), 0),
        (RandomSimilarity(0, 0.2, 0), (10 / 1.2, 12), 0),
        (RandomSimilarity(0, 0, 5), None, 5),
    ],
    ids=["rotation", "scale", "shift"],
)
def test_similarities_move_a_blob_as_geometry_says(layer, radii, shifts):
    """Also where images are not square, on which a careless rotation shears."""
    torch.manual_seed(0)
    moved = centres(layer(blobs(500, 10.0, 0.0)))
    if radii is None:
        offsets = (moved - torch.tensor([10.0, 0.0])).abs()
        assert shifts * 0.97 < offsets.max() < shifts + 0.05
    else:
        distances = moved.norm(dim=1)
        assert radii[0] - 0.05 < distances.min()
        assert distances.max() < radii[1] + 0.05
        angles = torch.rad2deg(torch.atan2(moved[:, 1], moved[:, 0])).abs()
        assert angles.max() < layer.rotation + 0.1
        assert angles.max() > 0.95 * layer.rotation
        assert distances.max() - distances.min() > 0.9 * (radii[1] - radii[0])


def test_noise_has_its_deviation_and_follows_the_attribute():
    torch.manual_seed(0)
    layer = GaussianNoise(0.5)
    rows = torch.zeros(100_000)
    assert float(layer(rows).std()) == pytest.approx(0.5, rel=0.02)
    layer.std = 2.0
    assert float(layer(rows).std()) == pytest.approx(2.0, rel=0.02)


def test_they_join_in_a_sequence_and_have_no_state(images):
    chain = nn.Sequential(RandomMirror(), RandomCrop(2), RandomSimilarity(), GaussianNoise(0.1))
    assert chain(images).shape == images.shape
    assert not chain.state_dict()
    assert torch.equal(chain.eval()(images), images)

import numpy as np
import pytest
from PIL import Image

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset, read_features
from tests.datasets.refusals import refusal

RNG = np.random.default_rng(0)


def picture(path, size=(6, 4), colour=True, value=None):
    """Save an image of the given (width, height) and return its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if colour else (size[1], size[0])
    pixels = (
        RNG.integers(0, 256, size=shape, dtype=np.uint8) if value is None else np.full(shape, value, np.uint8)
    )
    Image.fromarray(pixels).save(path)
    return pixels


def test_class_folders_in_order(tmp_path):
    pixels = [picture(tmp_path / name) for name in ("cat/b.PNG", "cat/a.bmp", "ant/z.png", "ant/y.tiff")]
    (tmp_path / "cat" / ".hidden.png").write_text("no image")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".git").mkdir()
    data = load_dataset(tmp_path)
    assert (data.kind, data.image_shape, data.X.dtype) == ("image", (4, 6, 3), np.float32)
    assert data.y.tolist() == ["ant", "ant", "cat", "cat"]
    expected = np.stack([pixels[3], pixels[2], pixels[1], pixels[0]]).reshape(4, -1)
    np.testing.assert_array_equal(data.X, expected / np.float32(255))
    assert data.notes == []


def test_grey_images_stay_grey_and_one_in_colour_makes_all_so(tmp_path):
    for i in range(4):
        picture(tmp_path / "ab"[i % 2] / f"{i}.png", colour=False)
    assert load_dataset(tmp_path).image_shape == (4, 6)
    picture(tmp_path / "a" / "9.png")
    assert load_dataset(tmp_path).image_shape == (4, 6, 3)


def test_sixteen_bits_keep_their_upper_half(tmp_path):
    for i, value in enumerate([0, 20000, 40000, 65535]):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), value, dtype=np.uint16)).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    data = load_dataset(tmp_path)
    assert data.image_shape == (4, 4)
    np.testing.assert_allclose(np.sort(data.X[:, 0]), [0, 20000 / 65535, 40000 / 65535, 1], atol=0.005)


@pytest.mark.parametrize(
    ("sizes", "said"), [([(6, 4), (9, 9)], "have 2 different sizes"), ([(70, 65)], "have 70x65 pixels")]
)
def test_different_and_large_sizes_are_shrunk_aloud(tmp_path, sizes, said):
    for i in range(4):
        picture(tmp_path / "ab"[i % 2] / f"{i}.jpg", size=sizes[i // 2 % len(sizes)])
    data = load_dataset(tmp_path)
    assert data.image_shape == (32, 32, 3)
    assert data.notes == [f"the images {said} and are resized to 32x32; --image-size gives another size"]
    assert load_dataset(tmp_path, image_size=8).X.shape == (4, 192)


def test_train_val_and_test_folders_are_joined(tmp_path):
    for part in ("test", "train", "val"):
        for label in "ab":
            picture(
                tmp_path / part / label / f"{part}.png", value="train val test".index(part) + ord(label) % 2
            )
    data = load_dataset(tmp_path)
    assert data.y.tolist() == ["a", "b"] * 3
    assert data.notes == ["the parts train, val, test are joined, in this order"]
    assert np.round(data.X[:, 0] * 255).astype(int).tolist() == [1, 0, 7, 6, 11, 10]


def test_class_folder_without_images_is_left_out_aloud(tmp_path):
    for i in range(4):
        picture(tmp_path / "ab"[i % 2] / f"{i}.png")
    (tmp_path / "empty").mkdir()
    data = load_dataset(tmp_path)
    assert data.notes == ["folder empty left out: no images in it"]


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_broken_image_is_named(tmp_path, damage, ending):
    for i in range(4):
        picture(tmp_path / "ab"[i % 2] / f"{i}.{ending}", size=(40, 40))
    path = tmp_path / "b" / f"3.{ending}"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "text": b"no image", "empty": b""}[damage])
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: not a readable image (")
    assert message.count(str(path)) == 1


def test_folders_that_are_no_data_set(tmp_path):
    assert "no subfolders with images" in refusal(tmp_path)
    picture(tmp_path / "a.png")
    assert "no subfolders with images" in refusal(tmp_path)
    assert "one image is no data set" in refusal(tmp_path / "a.png")
    picture(tmp_path / "only" / "a.png")
    picture(tmp_path / "only" / "b.png")
    assert "has one class, 'only'" in refusal(tmp_path)
    picture(tmp_path / "rare" / "lone.png")
    assert "class 'rare' of the label 'class' has one sample, in rare/lone.png" in refusal(tmp_path)
    assert "an image size of 0 pixels" in refusal(tmp_path, image_size=0)


def test_equal_images_are_constant(tmp_path):
    for i in range(4):
        picture(tmp_path / "ab"[i % 2] / f"{i}.png", value=7)
    assert "every feature column is constant" in refusal(tmp_path)


def test_rows_to_predict_from_a_file_and_folders(tmp_path):
    arguments = {"kind": "image", "feature_names": [f"p{j}" for j in range(72)], "image_shape": (4, 6, 3)}
    first, second = (picture(tmp_path / "flat" / name) for name in ("a.png", "b.png"))
    rows = read_features(tmp_path / "flat", **arguments)
    X, y = rows.X, rows.y
    assert y is None
    np.testing.assert_array_equal(X, np.stack([first, second]).reshape(2, -1) / np.float32(255))
    assert rows.names == ["a.png", "b.png"]
    rows = read_features(tmp_path / "flat" / "b.png", **arguments)
    X, y = rows.X, rows.y
    np.testing.assert_array_equal(X[0], second.ravel() / np.float32(255))
    picture(tmp_path / "classes" / "ant" / "a.png", size=(12, 8))
    rows = read_features(tmp_path / "classes", **arguments)
    X, y = rows.X, rows.y
    assert (X.shape, y.tolist()) == ((1, 72), ["ant"])
    assert rows.names == ["ant/a.png"]
    assert rows.notes[0] == "images are resized to 4x6, as in training"
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no images in this folder"):
        read_features(tmp_path / "none", **arguments)
    picture(tmp_path / "classes" / "loose.png")
    with pytest.raises(InputError, match="both beside and inside"):
        read_features(tmp_path / "classes", **arguments)


def test_images_that_change_their_colours_are_counted(tmp_path):
    for i, mode in enumerate(["RGB", "RGBA", "L", "RGBA", "LA", "RGB"]):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.new(mode, (4, 4), i).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    data = load_dataset(tmp_path)
    assert data.image_shape == (4, 4, 3)
    assert data.notes == ["2 RGBA and 2 grey of 6 images are converted to RGB"]
    trained = {"kind": "image", "feature_names": [f"p{j}" for j in range(16)], "image_shape": (4, 4)}
    assert read_features(tmp_path / "b", **trained).notes == [
        "1 RGB and 2 RGBA of 3 images are converted to grey"
    ]
    assert read_features(tmp_path / "a" / "0.png", **trained).notes == [
        "1 RGB of 1 image is converted to grey"
    ]
    assert read_features(tmp_path / "a" / "2.png", **trained).notes == []

import gzip
import os
import pickle

import numpy as np
import pytest
import scipy.io

from maxmargin._checks import InputError
from maxmargin.datasets import available_datasets, load_dataset


def refusal(name, root):
    with pytest.raises(InputError) as caught:
        load_dataset(name, root=root)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "shape", "kind", "image_shape", "classes"),
    [
        ("mnist", (10, 15), "image", (3, 5), [0, 1]),
        ("fashion-mnist", (10, 15), "image", (3, 5), ["T-shirt/top", "Trouser"]),
        ("cifar10", (12, 3072), "image", (32, 32, 3), ["ant", "bee"]),
        ("cifar100", (4, 3072), "image", (32, 32, 3), ["ant", "bee"]),
        ("svhn", (10, 3072), "image", (32, 32, 3), [0, 1]),
        ("stl10", (10, 27648), "image", (96, 96, 3), ["airplane", "bird"]),
        ("fer2013", (4, 2304), "image", (48, 48), ["Angry", "Sad"]),
        ("usps", (10, 256), "image", (16, 16), [0, 1]),
        ("cornell", (8, 4), "array", None, [1, 2, 3]),
        ("glass", (7, 4), "array", None, [1, 2, 3]),
        ("har", (10, 3), "array", None, ["LAYING", "WALKING"]),
        ("plantvillage", (4, 3072), "image", (32, 32, 3), ["Apple___healthy", "Corn___rust"]),
    ],
)
def test_known_sets(miniatures, name, shape, kind, image_shape, classes):
    data = load_dataset(name, root=miniatures)
    assert (data.name, data.X.shape, data.kind, data.image_shape) == (name, shape, kind, image_shape)
    assert np.unique(data.y).tolist() == classes
    assert len(data.feature_names) == shape[1]
    assert data.X.dtype == (np.float32 if kind == "image" else np.float64)
    if kind == "image":
        assert data.X.min() >= 0
        assert data.X.max() <= 1
    if name not in ("cornell", "glass", "plantvillage"):
        assert any("joined, training rows first" in note for note in data.notes)


def test_pixels_stand_where_they_belong(miniatures):
    place = (2 * 32 + 3) * 3 + 1  # third row, fourth column, green
    cifar = load_dataset("cifar10", root=miniatures)
    assert (cifar.X[:, place] == 1).all()
    assert np.round(cifar.X[::2, 0] * 255).tolist() == [1, 2, 3, 4, 5, 6]
    svhn = load_dataset("svhn", root=miniatures)
    assert np.round(svhn.X[:, place] * 255).tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4]
    assert svhn.y.tolist() == [0, 1] * 5
    stl10 = load_dataset("stl10", root=miniatures)
    assert np.round(stl10.X[:, (2 * 96 + 3) * 3 + 1] * 255).tolist() == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4]
    fer = load_dataset("fer2013", root=miniatures)
    assert np.round(fer.X[:, 0] * 255).tolist() == [1, 3, 0, 2]
    assert fer.y.tolist() == ["Sad", "Sad", "Angry", "Angry"]


def test_lone_sample_of_cornell_is_left_out_aloud(miniatures):
    data = load_dataset("cornell", root=miniatures)
    assert data.y.tolist() == [1, 1, 2, 2, 2, 3, 3, 3]
    assert data.notes == ["left out: the one sample of class 7; a class needs at least 2"]


def test_root_from_the_environment(miniatures, monkeypatch):
    monkeypatch.setenv("MAXMARGIN_DATA", str(miniatures))
    assert load_dataset("usps").X.shape == (10, 256)
    listed = {info.name: info for info in available_datasets()}
    assert listed["mnist"].present
    assert listed["mnist"].where[0] == str(miniatures / "MNIST" / "raw" / "train-images-idx3-ubyte.gz")
    assert listed["har"].where[0] == str(miniatures / "UCI-HAR" / "train" / "X_train.txt")
    assert not listed["orl"].present
    assert listed["orl"].where == (str(miniatures / "m3svm" / "ORL.mat"),)
    assert listed["iris"].present
    assert (listed["mnist"].n_samples, listed["mnist"].n_features, listed["mnist"].n_classes) == (
        70000,
        784,
        10,
    )


def test_absent_sets_say_what_goes_where(tmp_path):
    message = refusal("mnist", tmp_path)
    assert f"not under {tmp_path}" in message
    assert "train-labels-idx1-ubyte.gz" in message
    assert "maxmargin datasets fetch mnist" in message
    assert "usps.h5" in refusal("usps", tmp_path)
    assert "plantvillage" in refusal("plantvillage", tmp_path)


class Attack:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


class Encode:
    def __reduce__(self):
        import _codecs

        return (_codecs.encode, ("uryyb", "rot13"))


@pytest.mark.parametrize("damage", ["attack", "codec", "cut", "text", "list", "no data", "short", "codes"])
def test_damaged_cifar_pickles(miniatures, tmp_path, damage):
    path = miniatures / "cifar-10-batches-py" / "data_batch_3"
    marker = tmp_path / "ran"
    good = {"data": np.zeros((2, 3072), dtype=np.uint8), "labels": [0, 1]}
    bad, expected = {
        "attack": ({"data": Attack(f"touch {marker}")}, "it asks for posix.system"),
        "codec": ({"data": Encode()}, "the codec 'rot13' is not admitted"),
        "cut": (good, "not a pickle of plain arrays"),
        "text": (good, "not a pickle of plain arrays"),
        "list": ([1, 2], "holds a list, not a dictionary"),
        "no data": ({"labels": [0, 1]}, "no 'data' in it"),
        "short": ({**good, "labels": [0]}, "'data' should be 1 rows of 3072 bytes"),
        "codes": ({**good, "labels": [0, 2]}, "a class code outside 0 to 1"),
    }[damage]
    data = pickle.dumps(bad, protocol=2)
    path.write_bytes({"cut": data[: len(data) // 2], "text": b"no pickle"}.get(damage, data))
    message = refusal("cifar10", miniatures)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert not marker.exists()


@pytest.mark.parametrize("damage", ["magic", "cut", "long", "gzip", "count"])
def test_damaged_idx_files(miniatures, damage):
    folder = miniatures / "MNIST" / "raw"
    images, labels = folder / "train-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte"
    data = gzip.decompress(images.read_bytes())
    changed = {
        "magic": gzip.compress(b"\0\0\x08\x01" + data[4:]),
        "cut": gzip.compress(data[:-7]),
        "long": gzip.compress(data + b"1"),
        "gzip": images.read_bytes()[:40],
    }
    if damage == "count":
        labels.write_bytes(labels.read_bytes()[:7] + b"\x03" + labels.read_bytes()[8:-1])
    else:
        images.write_bytes(changed[damage])
    expected = {
        "magic": f"{images}: not an IDX file of images",
        "cut": f"{images}: 83 bytes of values where its header promises 6x3x5",
        "long": f"{images}: 91 bytes of values where its header promises 6x3x5",
        "gzip": f"{images}: a damaged or cut-off gzip file",
        "count": f"{labels}: 3 labels for 4 images",
    }[damage]
    assert expected in refusal("mnist", miniatures)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("7,1 2,Training", "line 6 is not 'emotion from 0 to 6"),
        ("1", "line 6 is not"),
        ("1,1 2 3,Training", "line 6 does not hold 2304 pixels"),
        ("1," + "9 " * 2303 + "x,Training", "line 6 does not hold 2304 pixels"),
        ("1,,Training", "line 6 does not hold 2304 pixels"),
    ],
)
def test_damaged_fer2013(miniatures, row, expected):
    path = miniatures / "fer2013" / "fer2013.csv"
    path.write_text(path.read_text() + row + "\n")
    assert expected in refusal("fer2013", miniatures)


def test_other_damage_is_named(miniatures):
    (miniatures / "fer2013" / "fer2013.csv").write_text("a,b\n1,2\n")
    assert "the columns should be emotion, pixels, Usage" in refusal("fer2013", miniatures)
    (miniatures / "stl10_binary" / "test_X.bin").write_bytes(b"123")
    assert "3 bytes for 4 images of 96x96x3" in refusal("stl10", miniatures)
    (miniatures / "UCI-HAR" / "test" / "X_test.txt").write_text("1 2 3\n4 5\n")
    assert "not rows of numbers" in refusal("har", miniatures)
    (miniatures / "UCI-HAR" / "test" / "X_test.txt").write_text("1 2\n" * 4)
    assert "2 columns where training has 3" in refusal("har", miniatures)
    (miniatures / "UCI-HAR" / "activity_labels.txt").write_text("1 WALKING\n")
    assert "no name for activity 2" in refusal("har", miniatures)
    (miniatures / "usps" / "usps.h5").write_bytes(b"no hdf5")
    assert "not a readable h5 file" in refusal("usps", miniatures)
    scipy.io.savemat(miniatures / "svhn" / "test_32x32.mat", {"X": np.zeros((4, 4)), "y": np.ones(4)})
    assert "'X' should be 32x32x3x4 bytes" in refusal("svhn", miniatures)
    scipy.io.savemat(miniatures / "m3svm" / "Glass.mat", {"X": np.zeros((4, 4))})
    assert "no 'Y' in it" in refusal("glass", miniatures)
    scipy.io.savemat(miniatures / "m3svm" / "Glass.mat", {"X": np.zeros((4, 4)), "Y": np.ones(5)})
    assert "4 rows in 'X' but 5 labels" in refusal("glass", miniatures)

"""The known sets in miniature, in the files their authors publish."""

import gzip
import pickle
import struct

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

RNG = np.random.default_rng(0)


def make_idx(folder):
    folder.mkdir(parents=True)
    for part, n in (("train", 6), ("t10k", 4)):
        images = RNG.integers(0, 256, size=(n, 3, 5), dtype=np.uint8)
        labels = (np.arange(n) % 2).astype(np.uint8)
        idx3 = struct.pack(">IIII", 0x803, n, 3, 5) + images.tobytes()
        idx1 = struct.pack(">II", 0x801, n) + labels.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx3))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx1)


def make_cifar(folder, coarse):
    folder.mkdir(parents=True)
    names = {"fine_label_names": ["ant", "bee"]} if coarse else {"label_names": ["ant", "bee"]}
    (folder / ("meta" if coarse else "batches.meta")).write_bytes(pickle.dumps(names, protocol=2))
    batches = ["train", "test"] if coarse else [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for j, name in enumerate(batches):
        data = np.zeros((2, 3, 32, 32), dtype=np.uint8)
        data[:, 1, 2, 3] = 255  # green, third row, fourth column
        data[0, 0, 0, 0] = j + 1
        labels = {"fine_labels": [0, 1], "coarse_labels": [0, 0]} if coarse else {"labels": [0, 1]}
        stored = {"data": data.reshape(2, -1), **labels}
        key = (lambda text: text.encode()) if j % 2 else str  # bytes, as a reader that keeps them writes anew
        stored = {key(k): v for k, v in stored.items()}
        (folder / name).write_bytes(pickle.dumps(stored, protocol=2))


def make_svhn(folder):
    folder.mkdir(parents=True)
    for part, n in (("train", 6), ("test", 4)):
        X = np.zeros((32, 32, 3, n), dtype=np.uint8)
        X[2, 3, 1, :] = np.arange(n) + 1
        y = np.where(np.arange(n) % 2 == 0, 10, 1)[:, None].astype(np.uint8)
        scipy.io.savemat(folder / f"{part}_32x32.mat", {"X": X, "y": y})


def make_stl10(folder):
    folder.mkdir(parents=True)
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    for part, n in (("train", 6), ("test", 4)):
        X = np.zeros((n, 96, 96, 3), dtype=np.uint8)
        X[:, 2, 3, 1] = np.arange(n) + 1
        (folder / f"{part}_X.bin").write_bytes(X.transpose(0, 3, 2, 1).tobytes())
        (folder / f"{part}_y.bin").write_bytes((np.arange(n) % 2 + 1).astype(np.uint8).tobytes())


def make_fer2013(folder):
    folder.mkdir(parents=True)
    usages = ["PublicTest", "Training", "PrivateTest", "Training"]
    rows = [f"{4 * (i % 2)},{' '.join([str(i), *['255'] * 2303])},{usage}" for i, usage in enumerate(usages)]
    (folder / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")


def make_usps(folder):
    folder.mkdir(parents=True)
    with h5py.File(folder / "usps.h5", "w") as file:
        for part, n in (("train", 6), ("test", 4)):
            file[f"{part}/data"] = RNG.random((n, 256), dtype=np.float32)
            file[f"{part}/target"] = np.arange(n, dtype=np.int32) % 2


def make_m3svm(folder):
    folder.mkdir(parents=True)
    X, Y = RNG.normal(size=(9, 4)), np.array([1, 1, 2, 2, 2, 3, 3, 7, 3], dtype=np.uint8)[:, None]
    scipy.io.savemat(folder / "Cornell.mat", {"X": (X > 0).astype(np.uint8), "Y": Y})
    scipy.io.savemat(folder / "Glass.mat", {"X": X[:7], "Y": Y[:7]})


def make_har(folder):
    (folder / "activity_labels.txt").parent.mkdir(parents=True)
    (folder / "activity_labels.txt").write_text("1 WALKING\n2 LAYING\n")
    for part, n in (("train", 6), ("test", 4)):
        (folder / part).mkdir()
        np.savetxt(folder / part / f"X_{part}.txt", np.arange(3.0 * n).reshape(n, 3), fmt="  %.7e")
        np.savetxt(folder / part / f"y_{part}.txt", np.arange(n) % 2 + 1, fmt="%d")


def make_plantvillage(folder):
    for i in range(4):
        path = folder / ["Apple___healthy", "Corn___rust"][i % 2] / f"{i}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, size=(80, 80, 3), dtype=np.uint8)).save(path, "JPEG")


@pytest.fixture
def miniatures(tmp_path):
    root = tmp_path / "data"
    make_idx(root / "MNIST" / "raw")
    make_idx(root / "FashionMNIST" / "raw")
    make_cifar(root / "cifar-10-batches-py", coarse=False)
    make_cifar(root / "cifar-100-python", coarse=True)
    make_svhn(root / "svhn")
    make_stl10(root / "stl10_binary")
    make_fer2013(root / "fer2013")
    make_usps(root / "usps")
    make_m3svm(root / "m3svm")
    make_har(root / "UCI-HAR")
    make_plantvillage(root / "PlantVillage")
    return root

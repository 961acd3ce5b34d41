"""The data sets known by name: their facts, the files they are read from, and where to get them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from maxmargin._checks import InputError

ROOT_VARIABLE = "MAXMARGIN_DATA"


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without reading it.

    Parameters
    ----------
    name : str
        The name that :func:`maxmargin.datasets.load_dataset` takes.
    n_samples, n_features, n_classes : int or None
        None where it depends on the copy.
    present : bool
        Whether all its files are there.
    where : tuple of str
        The files (or the folder) it is read from; empty for a set that comes with scikit-learn.
    home : str
        How to get it.
    """

    name: str
    n_samples: int | None
    n_features: int | None
    n_classes: int | None
    present: bool
    where: tuple[str, ...]
    home: str


@dataclass(frozen=True)
class Download:
    """A file at its home, pinned by its checksum; the members of an archive go to the folder of the set."""

    url: str
    checksum: str


@dataclass(frozen=True)
class KnownSet:
    """A set under the data folder: the folders it may lie in, the usual one first, and its files there."""

    shape: tuple[int | None, int | None, int]
    folders: tuple[str, ...]
    files: tuple[str, ...] = ()
    home: str = ""
    downloads: tuple[Download, ...] = ()

    def expected(self, root: Path) -> list[Path]:
        """Return where its files should lie."""
        return [root / self.folders[0] / file for file in self.files] or [root / self.folders[0]]

    def located(self, root: Path) -> list[Path] | None:
        """Return where its files lie, in order, or None unless all are there."""
        for folder in self.folders:
            if self.files:
                found = [existing(root / folder / file) for file in self.files]
                paths = [path for path in found if path is not None]
            else:
                paths = [root / folder] if (root / folder).is_dir() else []
            if paths and len(paths) == max(1, len(self.files)):
                return paths
        return None


def existing(path: Path) -> Path | None:
    """Return the file, or its twin with or without ``.gz``, whichever is there."""
    twin = path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    return next((candidate for candidate in (path, twin) if candidate.is_file()), None)


IDX = tuple(
    f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
CIFAR = "https://www.cs.toronto.edu/~kriz/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"
STL10 = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"


def _downloads(base: str, files: tuple[str, ...], checksums: tuple[str, ...]) -> tuple[Download, ...]:
    return tuple(Download(base + file, f"md5:{md5}") for file, md5 in zip(files, checksums, strict=True))


def _m3svm(file: str, *shape: int) -> KnownSet:
    n_samples, n_features, n_classes = shape
    home = "one of the benchmark files of the M3SVM paper, from its authors' code"
    return KnownSet((n_samples, n_features, n_classes), ("m3svm",), (f"{file}.mat",), home)


BUILTIN = {
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
}
KNOWN = {
    "mnist": KnownSet(
        (70000, 784, 10),
        ("MNIST/raw",),
        IDX,
        MNIST,
        _downloads(
            MNIST,
            IDX,
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
    ),
    "fashion-mnist": KnownSet(
        (70000, 784, 10),
        ("FashionMNIST/raw",),
        IDX,
        FASHION,
        _downloads(
            FASHION,
            IDX,
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
    ),
    "cifar10": KnownSet(
        (60000, 3072, 10),
        ("cifar-10-batches-py",),
        (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"),
        CIFAR,
        _downloads(CIFAR, ("cifar-10-python.tar.gz",), ("c58f30108f718f92721af3b95e74349a",)),
    ),
    "cifar100": KnownSet(
        (60000, 3072, 100),
        ("cifar-100-python",),
        ("train", "test", "meta"),
        CIFAR,
        _downloads(CIFAR, ("cifar-100-python.tar.gz",), ("eb9058c3a382ffc7106e4002c42a8d85",)),
    ),
    "svhn": KnownSet(
        (99289, 3072, 10),
        ("svhn",),
        ("train_32x32.mat", "test_32x32.mat"),
        SVHN,
        _downloads(
            SVHN,
            ("train_32x32.mat", "test_32x32.mat"),
            ("e26dedcc434d2e4c54c9b2d4a06d8373", "eb5a983be6a315427106f1b164d9cef3"),
        ),
    ),
    "stl10": KnownSet(
        (13000, 27648, 10),
        ("stl10_binary",),
        ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt"),
        STL10,
        (Download(STL10, "md5:91f7769df0f17e558f3565bffb0c7dfb"),),
    ),
    "fer2013": KnownSet(
        (35887, 2304, 7), ("fer2013",), ("fer2013.csv",), "the Kaggle contest on facial expressions of 2013"
    ),
    "usps": KnownSet((9298, 256, 10), ("usps",), ("usps.h5",), "the usps.h5 file shared on Kaggle"),
    "har": KnownSet(
        (10299, 561, 6),
        ("UCI HAR Dataset", "UCI-HAR"),
        (
            "train/X_train.txt",
            "train/y_train.txt",
            "test/X_test.txt",
            "test/y_test.txt",
            "activity_labels.txt",
        ),
        "Human Activity Recognition Using Smartphones, at the UCI repository",
    ),
    "plantvillage": KnownSet(
        (None, None, 38),
        ("plantvillage", "PlantVillage"),
        (),
        "one subfolder a class, with its images inside",
    ),
    "cornell": _m3svm("Cornell", 826, 4134, 6),
    "dermatology": _m3svm("Dermatology", 366, 34, 6),
    "glass": _m3svm("Glass", 214, 9, 6),
    "isolet": _m3svm("ISOLET", 1560, 617, 26),
    "orl": _m3svm("ORL", 400, 1024, 40),
    "vehicle": _m3svm("Vehicle", 846, 18, 4),
}


def data_root(root: Path | None = None) -> Path:
    """Return the folder of the known sets: ``root``, else MAXMARGIN_DATA, else the user's data folder."""
    if root is not None:
        return Path(root)
    if os.environ.get(ROOT_VARIABLE):
        return Path(os.environ[ROOT_VARIABLE])
    from platformdirs import user_data_dir

    return Path(user_data_dir("maxmargin", appauthor=False))


def available_datasets(root: Path | None = None) -> list[DatasetInfo]:
    """List the data sets known by name, and whether their files are there.

    Parameters
    ----------
    root : Path, optional
        Folder of the known sets; by default MAXMARGIN_DATA, else the user's data folder.

    Returns
    -------
    list of DatasetInfo
        Those that come with scikit-learn first.

    Examples
    --------
    >>> [info.name for info in available_datasets() if not info.where]
    ['digits', 'iris', 'wine', 'breast_cancer']
    """
    folder = data_root(root)
    builtin = [
        DatasetInfo(name, *shape, True, (), "comes with scikit-learn") for name, shape in BUILTIN.items()
    ]
    known = [
        DatasetInfo(
            name,
            *entry.shape,
            present=entry.located(folder) is not None,
            where=tuple(map(str, entry.located(folder) or entry.expected(folder))),
            home=entry.home,
        )
        for name, entry in KNOWN.items()
    ]
    return builtin + known


def located(name: str, root: Path) -> list[Path]:
    """Return the files of a known set; InputError says what is missing and how to get it."""
    entry = KNOWN[name]
    paths = entry.located(root)
    if paths is None:
        missing = [str(path.relative_to(root)) for path in entry.expected(root) if not existing(path)]
        source = (
            f"'maxmargin datasets fetch {name}' downloads it"
            if entry.downloads
            else f"get it by hand ({entry.home})"
        )
        raise InputError(
            f"the data set {name!r} is not under {root}: missing {', '.join(missing)}; "
            f"{source}, or set {ROOT_VARIABLE} to the folder that has it"
        )
    return paths

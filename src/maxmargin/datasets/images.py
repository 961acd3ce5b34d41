"""Folders of images, one subfolder a class."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maxmargin._checks import InputError
from maxmargin.datasets._content import slug
from maxmargin.datasets._dataset import Dataset, Rows, Where, checked, counted

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
PARTS = ("train", "val", "test")
KEPT = 64  # images up to this many pixels a side are kept as they are when all have one size
SHRUNK = 32
CHANNELS = {3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class _Header:
    path: Path
    size: tuple[int, int]
    colours: str


def load_image_folder(path: Path, image_size: int | None, name: str | None = None) -> Dataset:
    """Read a folder of images as a data set whose label is the name of the subfolder."""
    files, y, notes = _labelled_files(path)
    if not files:
        raise InputError(
            f"{path}: no subfolders with images; make one subfolder a class, with its images inside"
        )
    headers = [_header(file) for file in files]
    shape, said = _common_shape(headers, image_size)
    X = _pixels(headers, shape)
    where = Where(str(path), lambda i: str(files[i].relative_to(path)))
    return checked(
        Dataset(
            name=name or slug(path),
            X=X,
            y=np.array(y),
            feature_names=[f"p{j}" for j in range(X.shape[1])],
            target_name="class",
            kind="image",
            image_shape=shape,
            notes=[*notes, *said],
            source=where.file,
        ),
        where,
    )


def read_images(path: Path, image_shape: tuple[int, ...]) -> Rows:
    """Read one image, a folder of them or a folder of class folders in the shape of the training images."""
    if path.is_file():
        headers = [_header(path)]
        return Rows(_pixels(headers, image_shape), None, [path.name], _conversion_notes(headers, image_shape))
    files, y, notes = _labelled_files(path)
    flat = _images(path)
    if flat and files:
        raise InputError(f"{path}: images both beside and inside of subfolders; give one or the other")
    headers = [_header(file) for file in files or flat]
    if not headers:
        raise InputError(f"{path}: no images in this folder; known endings are {', '.join(sorted(SUFFIXES))}")
    if any(header.size != image_shape[1::-1] for header in headers):
        notes.append(f"images are resized to {image_shape[0]}x{image_shape[1]}, as in training")
    notes += _conversion_notes(headers, image_shape)
    names = [str(header.path.relative_to(path)) for header in headers]
    return Rows(_pixels(headers, image_shape), np.array(y) if files else None, names, notes)


def _labelled_files(path: Path) -> tuple[list[Path], list[str], list[str]]:
    """Return the image files in class folders, the class of each, and notes."""
    folders = _folders(path)
    parts = [path / part for part in PARTS if any(folder.name.lower() == part for folder in folders)]
    notes = []
    if "train" in {folder.name.lower() for folder in folders} and len(parts) == len(folders) > 1:
        by_name = {folder.name.lower(): folder for folder in folders}
        parts = [by_name[part.name] for part in parts]
        notes.append(f"the parts {', '.join(part.name for part in parts)} are joined, in this order")
    else:
        parts = [path]
    files, y = [], []
    for part in parts:
        for folder in _folders(part):
            found = _images(folder)
            if not found:
                notes.append(f"folder {folder.relative_to(path)} left out: no images in it")
            files += found
            y += [folder.name] * len(found)
    return files, y, notes


def _folders(path: Path) -> list[Path]:
    return sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))


def _images(path: Path) -> list[Path]:
    return sorted(
        item
        for item in path.iterdir()
        if item.suffix.lower() in SUFFIXES and not item.name.startswith(".") and item.is_file()
    )


def _header(path: Path) -> _Header:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return _Header(path, image.size, _colours(image.mode))
    except Exception as error:  # a damaged image makes its parser raise nearly anything
        raise _broken(path, error) from None


def _colours(mode: str) -> str:
    if mode in ("1", "L", "LA") or mode.startswith("I"):
        return "grey"
    return "RGBA" if mode in ("RGBA", "RGBa", "PA") else "RGB"


def _broken(path: Path, error: Exception) -> InputError:
    reason = "it is empty" if path.stat().st_size == 0 else str(error).split(str(path))[0].rstrip(" '")
    return InputError(f"{path}: not a readable image ({reason}); remove it or replace it")


def _common_shape(headers: list[_Header], image_size: int | None) -> tuple[tuple[int, ...], list[str]]:
    """Return the image shape for all files, and what is said about it."""
    sizes = {header.size for header in headers}
    grey = all(header.colours == "grey" for header in headers)
    notes = []
    if image_size is not None:
        if image_size < 1:
            raise InputError(f"an image size of {image_size} pixels; give a whole number from 1")
        height = width = image_size
    elif len(sizes) == 1 and max(next(iter(sizes))) <= KEPT:
        width, height = next(iter(sizes))
    else:
        height = width = SHRUNK
        why = (
            f"have {len(sizes)} different sizes"
            if len(sizes) > 1
            else "have {}x{} pixels".format(*min(sizes))
        )
        notes.append(
            f"the images {why} and are resized to {SHRUNK}x{SHRUNK}; --image-size gives another size"
        )
    shape = (height, width) if grey else (height, width, 3)
    return shape, [*notes, *_conversion_notes(headers, shape)]


def _conversion_notes(headers: list[_Header], shape: tuple[int, ...]) -> list[str]:
    """Return a note when images lose or gain colours in the given shape."""
    wanted = "grey" if len(shape) == 2 else CHANNELS[shape[2]]
    counts = Counter(header.colours for header in headers if header.colours != wanted)
    if not counts:
        return []
    which = " and ".join(f"{count} {colours}" for colours, count in sorted(counts.items()))
    verb = "is" if counts.total() == 1 else "are"
    return [f"{which} of {counted(len(headers), 'image')} {verb} converted to {wanted}"]


def _pixels(headers: list[_Header], shape: tuple[int, ...]) -> np.ndarray:
    X = np.empty((len(headers), int(np.prod(shape))), dtype=np.float32)
    with ThreadPoolExecutor() as pool:
        for row, pixels in zip(
            X, pool.map(lambda header: _decoded(header.path, shape), headers), strict=True
        ):
            np.divide(pixels, np.float32(255), out=row)
    return X


def _decoded(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    from PIL import Image, ImageOps

    mode = "L" if len(shape) == 2 else CHANNELS[shape[2]]
    try:
        with Image.open(path) as opened:
            opened.draft(mode, (shape[1], shape[0]))  # a large JPEG is decoded at a fraction of its size
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits a pixel, of which convert() would clip the upper half
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = image.convert(mode)
            if image.size != (shape[1], shape[0]):
                image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
            return np.asarray(image).ravel()
    except Exception as error:  # a damaged image makes its parser raise nearly anything
        raise _broken(path, error) from None

"""One way in for every source: a known name, a file, or a folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from maxmargin._checks import InputError, check_choice
from maxmargin.datasets._content import missing_file, suffix
from maxmargin.datasets._dataset import Dataset, Rows
from maxmargin.datasets.arrays import ARRAY_READERS, load_arrays, read_array_features
from maxmargin.datasets.builtin import load_builtin
from maxmargin.datasets.canonical import load_known
from maxmargin.datasets.images import SUFFIXES, load_image_folder, read_images
from maxmargin.datasets.registry import BUILTIN, KNOWN, data_root
from maxmargin.datasets.svmlight import load_svmlight, looks_like_svmlight, read_svmlight_features
from maxmargin.datasets.tables import TABLE_READERS, load_table, named_columns, read_table_features

KINDS = ("table", "array", "image", "sparse")
SVMLIGHT = (".libsvm", ".svm", ".svmlight")


def load_dataset(
    source: str | Path, *, target: str | None = None, root: Path | None = None, image_size: int | None = None
) -> Dataset:
    """Read a labelled data set from a known name, a file, or a folder of images.

    Parameters
    ----------
    source : str or Path
        A name that :func:`available_datasets` lists; a CSV, TSV, ARFF, Parquet, NPZ, MAT, HDF5 or libsvm file
        (text formats also with ``.gz``); or a folder with one subfolder of images a class.
    target : str, optional
        The label: a column of a table, by default the last; an array of an NPZ, MAT or HDF5 file,
        by default the one called y, target or label.
    root : Path, optional
        Folder of the known sets; by default MAXMARGIN_DATA, else the user's data folder.
    image_size : int, optional
        Height and width in pixels of the images of a folder; by default images of one size up to 64 pixels
        are kept and others become 32 x 32.

    Returns
    -------
    Dataset
        ``X`` of shape (n, d), ``y`` of shape (n,), and notes on what was assumed.

    Raises
    ------
    InputError
        When the source is not there, is damaged, or cannot be learnt from.

    Examples
    --------
    >>> wine = load_dataset("wine")
    >>> wine.X.shape, wine.feature_names[:2]
    ((178, 13), ['alcohol', 'malic_acid'])
    """
    path, name = Path(source), str(source)
    form = "known" if name in BUILTIN or name in KNOWN else _form(path)
    if target is not None and form not in ("table", "arrays"):
        raise InputError(f"{source}: the label of such a source is not chosen; leave out --target {target}")
    if image_size is not None and form != "folder" and name != "plantvillage":
        raise InputError(f"{source}: an image size goes with a folder of images; leave it out")
    match form:
        case "known":
            return load_builtin(name) if name in BUILTIN else load_known(name, data_root(root), image_size)
        case "folder":
            return load_image_folder(path, image_size)
        case "table":
            return load_table(path, target)
        case "arrays":
            return load_arrays(path, target)
        case "svmlight":
            return load_svmlight(path)
    raise InputError(f"{path}: one image is no data set; give a folder with one subfolder a class")


def read_features(
    source: str | Path,
    *,
    kind: str,
    feature_names: list[str],
    text_columns: Sequence[str] = (),
    image_shape: tuple[int, ...] | None = None,
    target_name: str | None = None,
    root: Path | None = None,
) -> Rows:
    """Read rows to predict, labelled or not, as a model was trained on them.

    Parameters
    ----------
    source : str or Path
        As in :func:`load_dataset`; a single image or a flat folder of images too.
    kind : {"table", "array", "image", "sparse"}
        The kind of the training set.
    feature_names : list of str
        Its columns. Those of a table are found by name, whatever their order; others are ignored.
    text_columns : sequence of str
        Its columns of text: these are read as they stand, all other features must be numbers. The label too,
        where its classes are texts: "10115" is then the text it was beside "01067".
    image_shape : tuple of int, optional
        Shape of its images, for the kind "image".
    target_name : str, optional
        Its label, read where the source has it.
    root : Path, optional
        Folder of the known sets.

    Returns
    -------
    Rows
        ``X`` of shape (n, len(feature_names)), labels where there are any, and a name for each row.

    Raises
    ------
    InputError
        When the source is damaged or has not the columns of the training set.

    Examples
    --------
    >>> rows = read_features("iris", kind="table", feature_names=["petal width (cm)"])
    >>> rows.X.shape, rows.y.shape
    ((150, 1), (150,))
    """
    check_choice(kind, KINDS, "kind of data")
    path, name = Path(source), str(source)
    if name in BUILTIN or name in KNOWN:
        dataset = load_dataset(name, root=root)
        X, found, shape = dataset.X, dataset.kind, dataset.image_shape
        if kind == found == "table":
            X = named_columns(X, feature_names, name)
        rows = Rows(X, dataset.y, list(range(len(dataset.y))), dataset.notes)
    else:
        rows, found, shape = _rows(
            path, kind, feature_names, frozenset(text_columns), image_shape, target_name
        )
    width = rows.X.shape[1]
    if (found, width) != (kind, len(feature_names)) or (kind == "image" and shape != image_shape):
        raise InputError(
            f"{source}: holds {_described(found, width, shape)}, but the model was trained on "
            f"{_described(kind, len(feature_names), image_shape)}; give the same kind of data"
        )
    return rows


def _rows(
    path: Path,
    kind: str,
    feature_names: list[str],
    text_columns: frozenset[str],
    image_shape: tuple[int, ...] | None,
    target_name: str | None,
) -> tuple[Rows, str, tuple[int, ...] | None]:
    match _form(path):
        case "table":
            rows = read_table_features(path, feature_names, text_columns, target_name)
            if kind == "array":
                return replace(rows, X=rows.X.to_numpy(dtype=float)), "array", None
            return rows, "table", None
        case "arrays":
            features, notes, y = read_array_features(
                path, target_name, text_labels=target_name in text_columns
            )
            rows = Rows(features.values, y, list(range(features.values.shape[0])), notes)
            return rows, features.kind, features.image_shape
        case "svmlight" if kind == "sparse":
            X, y = read_svmlight_features(path, feature_names)
            return Rows(X, y, list(range(X.shape[0])), []), "sparse", None
        case "folder" | "image" if kind == "image" and image_shape is not None:
            return read_images(path, image_shape), "image", image_shape
    raise InputError(
        f"{path}: cannot be read as {_described(kind, len(feature_names), image_shape)}, "
        "on which the model was trained; give the same kind of data"
    )


def _described(kind: str, width: int, image_shape: tuple[int, ...] | None) -> str:
    if kind == "image" and image_shape is not None:
        return f"images of {'x'.join(map(str, image_shape))}"
    things = {"table": "a table", "sparse": "sparse rows"}.get(kind, "rows")
    return f"{things} of {width} features"


def _form(path: Path) -> str:
    """Tell how a path is read: "folder", "table", "arrays", "svmlight" or "image"."""
    if not path.exists():
        raise InputError(missing_file(path, [*BUILTIN, *KNOWN]))
    if path.is_dir():
        return "folder"
    ending = suffix(path)
    if ending in SVMLIGHT or (ending == ".txt" and looks_like_svmlight(path)):
        return "svmlight"
    for form, endings in (("table", TABLE_READERS), ("arrays", ARRAY_READERS), ("image", SUFFIXES)):
        if ending in endings:
            return form
    known = " ".join([*TABLE_READERS, *ARRAY_READERS, *SVMLIGHT])
    raise InputError(
        f"{path}: unknown file ending {ending!r}; the endings read are {known}, or give a folder of images"
    )

"""Activations of a network as rows of features, streamed to memory or to a file."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from maxmargin._checks import InputError, check_at_least, check_choice
from maxmargin._files import replacing
from maxmargin.deep.heads import find_head
from maxmargin.deep.ingredients import make_device
from maxmargin.deep.rows import as_input
from maxmargin.deep.scopes import modes_kept

Answer = Callable[[Tensor], Tensor]
Block = tuple[np.ndarray, np.ndarray | None]


def extract_features(
    model: nn.Module,
    data: Any,
    layer: str | None = None,
    *,
    batch_size: int = 256,
    device: Any = None,
    out: str | Path | None = None,
) -> np.ndarray:
    """Give the activations of one layer for all rows, as features for any classifier.

    The model runs in evaluation mode and without gradients, batch by batch, and is left as it was.

    Parameters
    ----------
    model : nn.Module
        Any network that takes one tensor of inputs.
    data : array or tensor of shape (n, ...), torch Dataset, or DataLoader that does not shuffle
        Inputs; where items are tuples, their first parts. Bytes are pixels of 0 to 255. A memory-mapped array
        is read batch by batch.
    layer : str, optional
        Name of the submodule whose output is taken, as ``model.named_modules()`` gives it. By default, what
        the last linear layer is given: the penultimate activations.
    batch_size : int, default=256
        Rows at once; a DataLoader has its own.
    device : device or "auto", optional
        Where to compute; by default where the model is. The model is moved back afterwards.
    out : str or Path, optional
        File to write, in NumPy's format, for features that do not fit in memory. It appears whole or not at
        all.

    Returns
    -------
    ndarray of shape (n, n_features), float32
        Flattened activations; with ``out``, a read-only memory map of the file.

    Raises
    ------
    InputError
        If the model has no such layer, does not run it exactly once a batch or gets no tensor from it, or the
        data are empty or in random order.

    Examples
    --------
    A CNN and an SVM on its activations; PCA and the same SVM:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from maxmargin.linear import CrammerSingerSVC
    >>> X, y = load_digits(return_X_y=True)
    >>> images, rows = X.reshape(-1, 1, 8, 8) / 16, X / 16
    >>> _ = torch.manual_seed(0)
    >>> cnn = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    >>> features = extract_features(cnn, images)
    >>> features.shape, CrammerSingerSVC(tol=1e-2).fit(features, y).score(features, y) > 0.98
    ((1797, 288), True)
    >>> make_pipeline(PCA(20), CrammerSingerSVC(tol=1e-2)).fit(rows, y).score(rows, y) > 0.9
    True
    """
    with (
        capturing(model, layer) as answer,
        closing(streamed(model, answer, data, batch_size, device)) as blocks,
    ):
        return gathered((features for features, _ in blocks), out)


def named_layer(model: nn.Module, layer: str) -> nn.Module:
    """The submodule of this name.

    Raises
    ------
    InputError
        If there is none; the message names all.

    Examples
    --------
    >>> named_layer(nn.Sequential(nn.Flatten(), nn.ReLU()), "1")
    ReLU()
    """
    check_choice(layer, [name for name, _ in model.named_modules() if name], "layer")
    return model.get_submodule(layer)


@contextmanager
def capturing(model: nn.Module, layer: str | None = None, entry: nn.Module | None = None) -> Iterator[Answer]:
    """Yield a function of a batch that runs the model and returns what passed at one place.

    The place is the output of the named layer, or the input of ``entry``: by default, of the head.
    """
    seen: list[Any] = []
    if layer is not None:
        name = f"layer {layer!r}"
        handle = named_layer(model, layer).register_forward_hook(
            lambda _, __, output: seen.append(_kept(output))
        )
    else:
        entry = find_head(model) if entry is None else entry
        name = f"the head ({type(entry).__name__})"

        def hook(_: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
            seen.append(_kept(next(iter((*args, *kwargs.values())), None)))

        handle = entry.register_forward_pre_hook(hook, with_kwargs=True)

    def answer(batch: Tensor) -> Tensor:
        seen.clear()
        model(batch)
        if len(seen) != 1:
            raise InputError(
                f"{type(model).__name__} runs {name} {len(seen)} times a batch; "
                "name a layer that it runs once"
            )
        return seen.pop()

    try:
        yield answer
    finally:
        handle.remove()


def _kept(value: Any) -> Any:
    # A copy: what follows may work in place, as nn.ReLU(inplace=True) does.
    return value.detach().clone() if isinstance(value, Tensor) else value


def streamed(
    model: nn.Module,
    answer: Answer,
    data: Any,
    batch_size: int = 256,
    device: Any = None,
    *,
    y: Any = None,
    labelled: bool = False,
) -> Generator[Block]:
    """Yield the flattened answers to one batch after another, with their labels where these are asked for.

    ``answer`` runs the model, which is in evaluation mode meanwhile and left as it was. Close the iterator.
    """
    batches = _batches(data, batch_size, y, labelled)
    like = next(
        (p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()), torch.zeros(())
    )
    place = like.device if device is None else make_device(device)
    with _evaluating(model, place, like.device):
        for inputs, labels in batches:
            # No inference_mode: what a model caches in it could never be trained with again.
            with torch.no_grad():
                found = answer(as_input(inputs).to(place, like.dtype))
            yield _as_rows(found, len(inputs), type(model).__name__), labels


def _as_rows(found: Any, n: int, name: str) -> np.ndarray:
    if not isinstance(found, Tensor):
        raise InputError(
            f"the features of {name} are a {type(found).__name__}, no tensor; name another layer"
        )
    if found.ndim == 0 or len(found) != n:
        raise InputError(
            f"the features of {n} rows have shape {tuple(found.shape)} in {name}; "
            "name a layer with a row for each"
        )
    return found.reshape(n, -1).float().numpy(force=True)


@contextmanager
def _evaluating(model: nn.Module, place: torch.device, home: torch.device) -> Iterator[None]:
    """Put the model in evaluation mode on a device, and leave each part as it was."""
    with modes_kept(model):
        try:
            model.eval()
            if place != home:
                model.to(place)
            yield
        finally:
            if place != home:
                model.to(home)


def _batches(
    data: Any, batch_size: int, y: Any, labelled: bool
) -> Iterator[tuple[Tensor, np.ndarray | None]]:
    check_at_least(batch_size, 1, "batch_size")
    if isinstance(data, Dataset | DataLoader):
        if y is not None:
            raise InputError(
                f"y is given beside a {type(data).__name__}, which holds the labels; leave it out"
            )
        return _loaded(data if isinstance(data, DataLoader) else DataLoader(data, batch_size), labelled)
    if labelled:
        if y is None:
            raise InputError("y is missing; give the class of each row")
        if len(y) != len(data):
            raise InputError(f"data has {len(data)} rows and y has {len(y)}; give as many labels as rows")
    return _sliced(data, batch_size, y)


def _sliced(data: Any, batch_size: int, y: Any) -> Iterator[tuple[Tensor, np.ndarray | None]]:
    rows = data if isinstance(data, Tensor | np.ndarray) else np.asarray(data)
    if rows.ndim == 0 or (isinstance(rows, np.ndarray) and rows.dtype.kind not in "biuf"):
        raise InputError(f"data is an array of shape {rows.shape} and {rows.dtype}; give rows of numbers")
    labels = None if y is None else _as_array(y)
    for start in range(0, len(rows), batch_size):
        part = slice(start, start + batch_size)
        batch = rows[part]
        # A copy of these rows alone: a map that is read-only cannot be lent to torch.
        inputs = batch if isinstance(batch, Tensor) else torch.from_numpy(np.array(batch))
        yield inputs, None if labels is None else labels[part]


def _loaded(loader: DataLoader, labelled: bool) -> Iterator[tuple[Tensor, np.ndarray | None]]:
    if not labelled and isinstance(loader.sampler, RandomSampler):
        raise InputError(
            "the DataLoader shuffles, so that nobody could tell which row is which; give shuffle=False"
        )
    for item in loader:
        parts = list(item) if isinstance(item, list | tuple) else [item]
        if not parts or not isinstance(parts[0], Tensor):
            raise InputError(
                f"the data give a {type(item).__name__}; give a tensor, or tuples that begin with one"
            )
        if labelled and len(parts) < 2:
            raise InputError("the data have no labels; give pairs of an input and a label")
        yield parts[0], _as_array(parts[1]) if labelled else None


def _as_array(labels: Any) -> np.ndarray:
    return labels.numpy(force=True) if isinstance(labels, Tensor) else np.asarray(labels)


def gathered(blocks: Iterable[np.ndarray], out: str | Path | None = None) -> np.ndarray:
    """Join blocks of rows in memory, or in a file that appears whole or not at all.

    Examples
    --------
    >>> gathered(iter([np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)])).shape
    (3, 3)
    """
    blocks = _alike(blocks)
    if out is None:
        return np.concatenate(list(blocks))
    path = Path(out)
    with replacing(path) as draft, draft.open("wb") as file:
        n = n_features = 0
        for block in blocks:
            if n == 0:
                n_features = block.shape[1]
                _write_header(file, 0, n_features)
            block.tofile(file)
            n += len(block)
        # NumPy leaves room in the header, so that its length is the same for any number of rows.
        file.seek(0)
        _write_header(file, n, n_features)
    return np.load(path, mmap_mode="r")


def _write_header(file: Any, n: int, n_features: int) -> None:
    header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": (n, n_features)}
    np.lib.format.write_array_header_1_0(file, header)


def _alike(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The blocks, which must be some and of one width."""
    n_features = None
    for block in blocks:
        if n_features not in (None, block.shape[1]):
            raise InputError(
                f"one batch has {n_features} features a row and another {block.shape[1]}; name another layer"
            )
        n_features = block.shape[1]
        yield np.ascontiguousarray(block)
    if n_features is None:
        raise InputError("the data have no rows; give at least one")

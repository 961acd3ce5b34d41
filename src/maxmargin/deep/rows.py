"""Rows that a network is trained on: whole on the device where they fit, without a loader's processes."""

from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from maxmargin._checks import InputError


class Rows(Protocol):
    """Samples that can be fetched by their numbers."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of these samples, on the device; ``indices`` lies in memory."""
        ...

    def to(self, device: torch.device) -> "Rows":
        """The same rows for another device."""
        ...


def as_input(batch: torch.Tensor) -> torch.Tensor:
    """A batch as networks take it: pixels of 0 to 255 in bytes become floats of 0 to 1.

    Examples
    --------
    >>> as_input(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([0., 1.])
    """
    if batch.dtype == torch.uint8:
        return batch.float().div_(255)
    return batch if batch.is_floating_point() else batch.float()


class TensorRows:
    """Rows in one tensor, which moves to the device as a whole."""

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        self._inputs, self._targets = inputs, targets

    def __len__(self) -> int:
        return len(self._inputs)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of these samples."""
        indices = indices.to(self._inputs.device, non_blocking=True)
        return as_input(self._inputs[indices]), self._targets[indices]

    def to(self, device: torch.device) -> "TensorRows":
        """The same rows on another device."""
        return TensorRows(self._inputs.to(device), self._targets.to(device))


class MappedRows:
    """Rows in a memory-mapped file, read batch by batch."""

    def __init__(self, inputs: np.memmap, targets: torch.Tensor, device: torch.device | None = None) -> None:
        self._inputs, self._targets = inputs, targets
        self._device = device or torch.device("cpu")

    def __len__(self) -> int:
        return len(self._inputs)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of these samples."""
        rows = torch.from_numpy(np.asarray(self._inputs[indices.numpy()]))
        return as_input(rows.to(self._device)), self._targets[indices].to(self._device)

    def to(self, device: torch.device) -> "MappedRows":
        """The same rows for another device."""
        return MappedRows(self._inputs, self._targets, device)


class DatasetRows:
    """Samples of a map-style torch Dataset, each a pair of an input and a target."""

    def __init__(self, dataset: Any, device: torch.device | None = None) -> None:
        self._dataset, self._device = dataset, device or torch.device("cpu")

    def __len__(self) -> int:
        return len(self._dataset)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of these samples."""
        samples = [self._dataset[i] for i in indices.tolist()]
        if not isinstance(samples[0], tuple | list) or len(samples[0]) != 2:
            kind = type(samples[0]).__name__ + (
                f" of {len(samples[0])}" if hasattr(samples[0], "__len__") else ""
            )
            raise InputError(f"a sample of the Dataset is a {kind}; give pairs of an input and a target")
        inputs, targets = default_collate(samples)
        return as_input(inputs.to(self._device)), torch.as_tensor(targets).to(self._device)

    def to(self, device: torch.device) -> "DatasetRows":
        """The same samples for another device."""
        return DatasetRows(self._dataset, device)


def as_rows(X: Any, y: Any = None) -> Rows:
    """Rows out of arrays, tensors, a memory-mapped array or a torch Dataset of pairs.

    Parameters
    ----------
    X : array or tensor of shape (n, ...), or torch.utils.data.Dataset
        Inputs; bytes are pixels of 0 to 255. A memory-mapped array is read batch by batch.
    y : array or tensor of shape (n,) or (n, n_classes), optional
        Classes as integers, or a distribution over the classes for each row. None for a Dataset alone.

    Raises
    ------
    InputError
        Where there are no rows, targets are missing, or their numbers differ.

    Examples
    --------
    >>> inputs, targets = as_rows(np.eye(3, dtype=np.float32), [0, 1, 1]).batch(torch.tensor([2]))
    >>> inputs, targets
    (tensor([[0., 0., 1.]]), tensor([1]))
    """
    if isinstance(X, Dataset | DataLoader):
        return DatasetRows(_checked_dataset(X, y))
    if y is None:
        raise InputError("y is missing; give the class of each row, or a torch Dataset of pairs")
    targets = _checked_targets(y)
    if hasattr(X, "indptr"):
        raise InputError("X is a sparse matrix; networks take dense rows")
    if len(X) == 0 or len(X) != len(targets):
        raise InputError(f"X has {len(X)} rows and y has {len(targets)}; give as many targets as rows, not 0")
    if isinstance(X, np.memmap):
        return MappedRows(X, targets)
    return TensorRows(
        (X if isinstance(X, torch.Tensor) else torch.as_tensor(np.asarray(X))).detach(), targets
    )


def _checked_dataset(dataset: Any, y: Any) -> Any:
    if isinstance(dataset, DataLoader):
        raise InputError("X is a DataLoader; give its dataset, the trainer draws the batches")
    if y is not None:
        raise InputError("y is given beside a Dataset, whose samples hold their targets; leave it out")
    if not hasattr(dataset, "__len__") or len(dataset) == 0:
        raise InputError(
            f"the {type(dataset).__name__} has no length or no samples; give a map-style Dataset"
        )
    return dataset


def _checked_targets(y: Any) -> torch.Tensor:
    if not isinstance(y, torch.Tensor):
        y = np.asarray(y)
        if y.dtype.kind not in "biuf":
            raise InputError(
                f"y holds {y.dtype.name} such as {y.flat[0]!r}; give classes as integers from 0 on"
            )
    targets = torch.as_tensor(y)
    return targets if targets.is_floating_point() else targets.long()

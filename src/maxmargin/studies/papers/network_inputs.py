"""Rows that networks are trained on: how they are divided, prepared and varied."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from maxmargin._checks import InputError
from maxmargin.datasets import available_datasets, load_dataset
from maxmargin.evidence import Strict

_DIVISION_SEED = 0  # one division for all seeds of the trainings


class Part(NamedTuple):
    """Rows and the number of the class of each."""

    X: np.ndarray
    y: np.ndarray

    def at(self, rows: Any) -> "Part":
        """Some of these rows: a slice or their numbers."""
        return Part(self.X[rows], self.y[rows])


class Preparation(Strict):
    """A step that is fitted to the training rows, by the name of its class."""

    name: Literal["PerImageNorm", "PixelMean", "PixelStandardisation", "PrincipalComponents"]
    options: dict[str, int | float | str] = Field(default={})


class Variation(Strict):
    """A random change of each batch of training rows, by the name of its class."""

    name: Literal["RandomCrop", "RandomMirror", "RandomShift", "RandomSimilarity"]
    options: dict[str, int | float] = Field(default={})


class Inputs(Strict):
    """A data set as one column of a table has it.

    Attributes
    ----------
    source : str
        Name of the data set.
    net : str
        Name of the network.
    train_rows, test_rows, validation_rows : int
        The first rows that are trained on, the last rows of the data set, and the last ones of those that are
        trained on: they choose what the paper leaves open.
    shuffled : bool
        Whether the rows are put in a random order first, as where the data set knows no test rows.
    preprocessing : list of Preparation
        One after another.
    augmentation : list of Variation
        One after another.
    rows_per_second : float
        About how many are trained on in a second, on one processor.
    """

    source: str
    net: str
    train_rows: int
    test_rows: int
    validation_rows: int = 0
    shuffled: bool = False
    preprocessing: list[Preparation] = Field(default=[])
    augmentation: list[Variation] = Field(default=[])
    rows_per_second: float = 1000

    def seconds(self, epochs: int, rows: int) -> float:
        """About how long it takes to train."""
        return epochs * rows / self.rows_per_second

    def parts(self) -> tuple[Part, Part]:
        """Rows to train and validate on, and those of the test; images have the channels first.

        Raises
        ------
        InputError
            If there are too few rows, or the data set is not there.
        """
        dataset = load_dataset(self.source)
        X, y = np.asarray(dataset.X, dtype=np.float32), np.unique(dataset.y, return_inverse=True)[1]
        if dataset.image_shape is not None:
            height, width, *channels = dataset.image_shape
            X = X.reshape(len(X), height, width, *(channels or [1])).transpose(0, 3, 1, 2)
        everyone = Part(X, y)
        if self.shuffled:
            everyone = everyone.at(np.random.default_rng(_DIVISION_SEED).permutation(len(y)))
        n_train = min(self.train_rows, len(y) - self.test_rows)
        if n_train <= self.validation_rows:
            raise InputError(
                f"{dataset.source} has {len(y)} rows; "
                f"more than {self.test_rows + self.validation_rows} are needed"
            )
        return everyone.at(slice(n_train)), everyone.at(slice(len(y) - self.test_rows, None))

    def divided(self, known: Part) -> tuple[Part, Part]:
        """The rows to train on where something is chosen, and those that choose it."""
        cut = len(known.y) - self.validation_rows
        return known.at(slice(cut)), known.at(slice(cut, None))

    def prepared(self, train: Part, *others: Part) -> list[Part]:
        """All parts as the network sees them; what is learnt for it is learnt from the first one alone."""
        from maxmargin.deep import apply_net, named_layers

        rows = [part.X for part in (train, *others)]
        layers: Any = named_layers((step.name, step.options) for step in self.preprocessing)
        for layer in layers:
            layer.fit(rows[0])
            rows = [apply_net(layer, X) for X in rows]
        targets = [part.y for part in (train, *others)]
        return [Part(np.ascontiguousarray(X), y) for X, y in zip(rows, targets, strict=True)]

    def augmenting(self) -> Any:
        """A layer that varies a batch, or None."""
        from maxmargin.deep import named_layers

        return named_layers((step.name, step.options) for step in self.augmentation) or None


def present(data: Mapping[str, Inputs], tell: Callable[[str], None] = lambda _: None) -> dict[str, Inputs]:
    """Those whose data are here; each other one is told of. Where none is, all: loading says what is missing.

    Examples
    --------
    >>> inputs = Inputs(source="digits", net="mlp", train_rows=1000, test_rows=500)
    >>> list(present({"Digits": inputs}, tell=print))
    ['Digits']
    """
    missing = {info.name: info for info in available_datasets() if not info.present}
    here = {name: inputs for name, inputs in data.items() if inputs.source not in missing}
    if not here:
        return dict(data)
    for name in data.keys() - here.keys():
        info = missing[data[name].source]
        tell(f"{name} is left out: {info.where[0]} is not there; get it from {info.home}")
    return here

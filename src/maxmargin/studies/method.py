"""What a method is: an estimator under a short name, the parameters to choose from, and the data it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

from maxmargin._checks import InputError, check_choice
from maxmargin.datasets import Dataset

_OF_ANY_ROWS = ("mlp", "tang-mnist")

NETWORKS = (
    *_OF_ANY_ROWS,
    *("tang-cifar", "tang-fer", "gogos-64", "gogos-128", "sm-mnist", "sm-cifar10", "sm-cifar100", "ism3"),
)
"""Names of the networks, those of ``maxmargin.deep.nets.NETS``: known without PyTorch."""

_LEAST_PIXELS = 16  # of the sides of an image: a convolutional network halves them several times
_KINDS = {"table": "a table", "array": "arrays", "image": "images", "sparse": "sparse rows"}


@dataclass(frozen=True)
class NetSettings:
    """How the methods that train a network do so.

    Attributes
    ----------
    net : str, optional
        One of :data:`NETWORKS`; by default ``"ism3"`` for images of at least 16 x 16 pixels
        and ``"mlp"`` for anything else.
    epochs : int, default=20
        Passes over the training rows.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where; by default on a GPU where there is one.
    image_shape : tuple of int, optional
        (height, width) or (height, width, channels) of the images in the rows; None where they are none.
    """

    net: str | None = None
    epochs: int = 20
    device: str = "auto"
    image_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.net is not None:
            check_choice(self.net, NETWORKS, "--net")

    def on(self, dataset: Dataset) -> "NetSettings":
        """The same for a data set: its image shape and, where none is named, a network that suits it.

        Raises
        ------
        InputError
            If the network takes images and there are none.

        Examples
        --------
        >>> from maxmargin.datasets import load_dataset
        >>> NetSettings().on(load_dataset("digits"))
        NetSettings(net='mlp', epochs=20, device='auto', image_shape=(8, 8))
        """
        shape = dataset.image_shape
        if shape is None and self.net not in (None, *_OF_ANY_ROWS):
            raise InputError(
                f"--net {self.net} takes images, but {dataset.name} is {_KINDS[dataset.kind]}; "
                f"choose from {', '.join(_OF_ANY_ROWS)}"
            )
        large = shape is not None and min(shape[:2]) >= _LEAST_PIXELS
        return replace(self, net=self.net or ("ism3" if large else "mlp"), image_shape=shape)


@dataclass(frozen=True)
class Method:
    """A classifier and the parameters that cross-validation chooses from.

    Attributes
    ----------
    name : str
        Short name, for the command line and the records.
    title : str
        What the field calls it.
    summary : str
        What it minimises or does, in one sentence.
    build : callable
        Makes a fresh estimator; that of a method that trains a network from a :class:`NetSettings`, until
        :meth:`on` knows the data.
    grid : mapping from parameter to values
        The last parameter varies fastest; among equally good choices the first wins, so values go from the
        stronger to the weaker regularisation.
    linear : bool
        Whether it is one of maxmargin's linear margin methods, which are also ranked among themselves.
    has_probabilities : bool
        Whether the fitted estimator has ``predict_proba``.
    deep : bool
        Whether it trains a network, for which it needs PyTorch.
    kinds : tuple of str
        Kinds of data that it takes.
    """

    name: str
    title: str
    summary: str
    build: Callable[..., Any]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    linear: bool = False
    has_probabilities: bool = False
    deep: bool = False
    kinds: tuple[str, ...] = tuple(_KINDS)

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Every combination of the grid, in order."""
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]

    @property
    def is_tuned(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.candidates) > 1

    def on(self, dataset: Dataset, nets: NetSettings) -> "Method":
        """The method for a data set, with the network chosen where it trains one.

        Raises
        ------
        InputError
            If it does not take such data, cannot build this network for them, or PyTorch is missing.
        """
        if dataset.kind not in self.kinds:
            takes = " or ".join(_KINDS[kind] for kind in self.kinds)
            raise InputError(
                f"method {self.name} takes {takes}, but {dataset.name} is {_KINDS[dataset.kind]}; "
                "choose another method"
            )
        if not self.deep:
            return self
        return replace(self, build=partial(_fresh, self.build(nets.on(dataset))))

    def seeded(self, seed: int) -> "Method":
        """The method with what is random in training a network set by a seed."""
        return replace(self, build=partial(self.build, random_state=seed)) if self.deep else self


def _fresh(prototype: Any, random_state: int = 0) -> Any:
    """An unfitted copy, every random state in it set."""
    from sklearn.base import clone

    estimator: Any = clone(prototype)
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]
    return estimator.set_params(**dict.fromkeys(names, random_state))

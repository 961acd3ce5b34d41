"""What classifiers are given of an image: its pixels, principal components, or what a network makes of it."""

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from maxmargin._checks import InputError
from maxmargin.datasets import load_dataset
from maxmargin.evidence import Strict
from maxmargin.studies.papers.notebook import Notebook
from maxmargin.studies.papers.png import png_text
from maxmargin.studies.records import Record

_IMAGES = 10  # that are shown beside their reconstructions
_COST = {"network": 1e-3, "codes": 7e-3}  # seconds an image and epoch, about, on one core


@dataclass(frozen=True)
class Rows:
    """Images as flat rows, those that are trained on and those of the test, and the class of each."""

    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray
    image_shape: tuple[int, ...]

    @classmethod
    def read(cls, source: str, train_rows: int, test_rows: int) -> "Rows":
        """The first and the last rows of a data set.

        Raises
        ------
        InputError
            If it is not there, has too few rows, or they are no images.
        """
        dataset = load_dataset(source)
        X, y = np.asarray(dataset.X, dtype=np.float32), np.unique(dataset.y, return_inverse=True)[1]
        if len(y) < train_rows + test_rows:
            raise InputError(
                f"{dataset.source} has {len(y)} rows; at least {train_rows + test_rows} are needed"
            )
        if dataset.image_shape is None:
            raise InputError(f"{dataset.source} holds no images; choose another data set")
        height, width, *channels = dataset.image_shape
        shape = (height, width, *(channels or [1]))
        return cls(X[:train_rows], y[:train_rows], X[-test_rows:], y[-test_rows:], shape)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Flat rows as networks take them, the channels first; memory keeps them last, which is faster."""
        return rows.reshape(len(rows), *self.image_shape).transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class Place:
    """Where something is learnt from rows: its seed, its device, and the folder from which it goes on."""

    seed: int
    device: str
    folder: Any


class Representation(Strict, ABC):
    """A way from flat rows to features.

    Attributes
    ----------
    is_random : bool
        Whether it depends on the seed.
    libraries : tuple of str
        Those beside the usual ones that it needs.
    """

    is_random: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()

    def learn(self, rows: Rows, place: Place) -> Any:  # noqa: ARG002
        """What is learnt from the training rows; where it was learnt before, it is taken from the folder."""
        return None

    @abstractmethod
    def features(self, learnt: Any, rows: Rows, X: np.ndarray) -> np.ndarray:
        """Features of flat rows."""

    def measured(self, learnt: Any, rows: Rows) -> Record:
        """What is recorded of it."""
        return {"features": self.features(learnt, rows, rows.test[:1]).shape[1]}

    def effort(self, n_train: int) -> float:  # noqa: ARG002
        """About the seconds that learning takes on one core."""
        return 1


class Pixels(Representation):
    """The pixels themselves, from 0 to 1."""

    kind: Literal["pixels"]

    def features(self, learnt: Any, rows: Rows, X: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The rows as they are."""
        return X


class Components(Representation):
    """As many principal components as hold a share of the training rows' variance."""

    kind: Literal["components"]
    variance: float

    def learn(self, rows: Rows, place: Place) -> Any:  # noqa: ARG002
        """The components of the training rows."""
        from sklearn.decomposition import PCA

        return PCA(self.variance, svd_solver="covariance_eigh").fit(rows.train)

    def features(self, learnt: Any, rows: Rows, X: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Coordinates along the components."""
        return learnt.transform(X)


class Trained(Representation):
    """What is trained by Adam, with a checkpoint in the folder after each epoch.

    Attributes
    ----------
    epochs : int
        Passes over the training rows.
    batch_size : int
        Rows a step.
    lr : float
        Learning rate.
    """

    is_random: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    epochs: int
    batch_size: int
    lr: float

    def effort(self, n_train: int) -> float:
        """About the seconds that the training takes on one core."""
        return _COST[self.kind] * self.epochs * n_train  # pyright: ignore[reportAttributeAccessIssue]

    def _trainer(self, place: Place) -> Any:
        from maxmargin.deep import Trainer

        return Trainer(
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer="adam",
            lr=self.lr,
            accelerator=place.device,
            seed=place.seed,
            out=place.folder,
        )


class Network(Trained):
    """What the last layer of a trained network is given.

    Attributes
    ----------
    net : str
        Name of the network.
    loss : str
        Its loss, by the name of the class.
    """

    kind: Literal["network"]
    net: str
    loss: str

    def learn(self, rows: Rows, place: Place) -> Any:
        """The network and the log of its training."""
        from maxmargin import nn
        from maxmargin.deep.ingredients import make_net

        train, test = rows.images(rows.train), rows.images(rows.test)
        net = make_net(self.net, None, train.shape[1:], int(rows.y_train.max()) + 1, seed=place.seed)
        loss, watched = getattr(nn, self.loss)(), (test, rows.y_test)
        # The test rows are only watched: nothing is chosen by them.
        log = self._trainer(place).fit(net, loss, train, rows.y_train, validation=watched, resume=True)
        return net, log

    def features(self, learnt: Any, rows: Rows, X: np.ndarray) -> np.ndarray:
        """Activations below the head."""
        from maxmargin.deep import extract_features

        return extract_features(learnt[0], rows.images(X))

    def measured(self, learnt: Any, rows: Rows) -> Record:
        """Loss and accuracy over the epochs, on the training rows with dropout and on the test rows."""
        return super().measured(learnt, rows) | {
            "n_train": len(rows.train),
            "n_test": len(rows.test),
            "seconds": _seconds(learnt[1]),
            "curve": _curves(learnt[1], ("loss", "accuracy")),
        }


class Codes(Trained):
    """Codes of a convolutional autoencoder.

    Attributes
    ----------
    code_size : int
        Numbers in a code.
    """

    kind: Literal["codes"]
    code_size: int

    def learn(self, rows: Rows, place: Place) -> Any:
        """The autoencoder and the log of its training."""
        from maxmargin.deep.autoencoding import train_autoencoder
        from maxmargin.deep.nets import GogosAutoencoder
        from maxmargin.deep.scopes import seeded

        train, test = rows.images(rows.train), rows.images(rows.test)
        with seeded(place.seed):
            net = GogosAutoencoder(train.shape[1:], self.code_size)
        log = train_autoencoder(net, self._trainer(place), train, validation=test, resume=True)
        return net, log

    def features(self, learnt: Any, rows: Rows, X: np.ndarray) -> np.ndarray:
        """Codes of the images."""
        from maxmargin.deep import autoencode

        return autoencode(learnt[0], rows.images(X))

    def measured(self, learnt: Any, rows: Rows) -> Record:
        """Loss over the epochs, some test images above their reconstructions, and how many colours are right.

        That is the share of pixels whose strongest channel comes back as such: what Keras calls the accuracy
        of such an output.
        """
        from maxmargin.deep import apply_net

        images = rows.images(rows.test)
        drawn = apply_net(learnt[0], images)
        pairs = np.concatenate([images[:_IMAGES], drawn[:_IMAGES]], axis=2).transpose(0, 2, 3, 1)
        pairs = np.round(255 * pairs.clip(0, 1)).astype(np.uint8)
        return super().measured(learnt, rows) | {
            "n_train": len(rows.train),
            "channel_accuracy": round(float(np.mean(images.argmax(axis=1) == drawn.argmax(axis=1))), 5),
            "seconds": _seconds(learnt[1]),
            "curve": _curves(learnt[1], ("loss",)),
            "images": [png_text(pixels) for pixels in pairs],
        }


AnyRepresentation = Annotated[Pixels | Components | Network | Codes, Field(discriminator="kind")]


class Learnt:
    """A representation learnt with one seed: at once where that is not recorded, else when it is needed.

    Parameters
    ----------
    representation : Representation
        How.
    rows : Rows
        From what.
    notebook : Notebook
        Where it is recorded.
    name : str
        What it is recorded as.
    seed : int
        Of its training.
    device : {"auto", "cpu", "cuda"}
        Where it is trained.
    """

    def __init__(
        self,
        representation: Representation,
        rows: Rows,
        notebook: Notebook,
        name: str,
        seed: int,
        device: str,
    ) -> None:
        self.rows, self._representation = rows, representation
        about = {"kind": "representation", "method": name, "seed": seed}
        self._place = Place(seed, device, notebook.folder(about))
        effort = representation.effort(len(rows.train))
        self.record = notebook.once(about, lambda: representation.measured(self.model, rows), effort=effort)

    @cached_property
    def model(self) -> Any:
        """What was learnt."""
        return self._representation.learn(self.rows, self._place)

    @cached_property
    def train(self) -> np.ndarray:
        """Features of the training rows."""
        return self._representation.features(self.model, self.rows, self.rows.train)

    @cached_property
    def test(self) -> np.ndarray:
        """Features of the test rows."""
        return self._representation.features(self.model, self.rows, self.rows.test)

    def forget(self) -> None:
        """Remove what a killed run would have gone on from."""
        shutil.rmtree(self._place.folder, ignore_errors=True)


def _seconds(log: Any) -> float:
    return round(sum(epoch["seconds"] for epoch in log.epochs), 1)


def _curves(log: Any, names: tuple[str, ...]) -> dict[str, list[float]]:
    """Curves of training and test rows over the epochs."""
    parts = {"train": "train", "test": "validation"}
    return {
        f"{part}_{name}": [round(epoch[f"{entry}_{name}"], 5) for epoch in log.epochs]
        for name in names
        for part, entry in parts.items()
    }

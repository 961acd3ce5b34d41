"""What networks have learnt, as transformers in front of any scikit-learn classifier."""

from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from maxmargin._checks import InputError
from maxmargin.deep.autoencoding import autoencode, train_autoencoder
from maxmargin.deep.classifier import MarginClassifier
from maxmargin.deep.features import extract_features
from maxmargin.deep.ingredients import make_accelerator
from maxmargin.deep.nets import GogosAutoencoder
from maxmargin.deep.scopes import seeded
from maxmargin.deep.state import NetEstimator
from maxmargin.deep.trainer import Trainer

_HALVED = 4  # the autoencoder halves the sides of an image twice


class NetFeatures(TransformerMixin, BaseEstimator):
    """Train a network to classify, and hand on what its last layer is given.

    Parameters
    ----------
    classifier : MarginClassifier
        What to train; a copy of it is.

    Attributes
    ----------
    classifier_ : MarginClassifier
        The trained network.
    net_, history_ : nn.Module, list of dict
        Those of ``classifier_``.

    References
    ----------
    Gogos, Neural Networks: Working with SVMs (2023), section 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from maxmargin.kernel import KernelSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> features = NetFeatures(MarginClassifier(loss="cross_entropy", random_state=0))
    >>> model = make_pipeline(features, KernelSVC()).fit(X, y)
    >>> features.transform(X).shape, model.score(X, y) > 0.9
    ((150, 256), True)
    """

    def __init__(self, classifier: MarginClassifier) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any) -> Self:
        """Train the network on rows X and labels y, as the classifier takes them."""
        classifier: Any = clone(self.classifier)
        self.classifier_ = classifier.fit(X, y)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Features of rows, of shape (n_samples, n_features)."""
        check_is_fitted(self)
        rows = self.classifier_._new_rows(X)
        return extract_features(self.net_, rows, device=self.classifier.device)

    @property
    def net_(self) -> nn.Module:
        """The trained network, its preprocessing included."""
        return self.classifier_.net_

    @property
    def history_(self) -> list[dict[str, Any]]:
        """What the training recorded of each epoch."""
        return self.classifier_.history_

    @property
    def n_features_in_(self) -> int:
        """Number of values in a row."""
        return self.classifier_.n_features_in_


class AutoencoderFeatures(TransformerMixin, NetEstimator):
    """Learn to write images in few numbers from which they can be drawn again, and hand on these numbers.

    The convolutional autoencoder of :class:`~maxmargin.deep.nets.GogosAutoencoder` is trained without labels
    by Adam on the binary cross-entropy of the pixels. For it each pixel is shifted by its smallest value over
    the training images and all are divided by one largest value, which undoes the centring of pixels; sides
    that are no multiples of 4 get a margin of 0.

    Parameters
    ----------
    image_shape : tuple of int
        (height, width) or (height, width, channels) of the images in rows of X, channels last.
    code_size : int, default=256
        Numbers in a code.
    epochs : int, default=20
        Passes over the images.
    batch_size : int, default=128
        Images a step.
    lr : float, default=0.001
        Learning rate.
    device : str or torch.device, default="auto"
        Where to train and encode; "auto" is a CUDA device where there is one, else the CPU.
    random_state : int, RandomState or None, default=None
        Decides the first weights and the order of the images.

    Attributes
    ----------
    net_ : GogosAutoencoder
        The trained autoencoder.
    history_ : list of dict
        Of each epoch: "epoch", "lr", "train_loss", "seconds" and others.
    least_, largest_ : ndarray of shape (n_features,), float
        Smallest value of each pixel, and the largest of what is left without it.

    References
    ----------
    Gogos, Neural Networks: Working with SVMs (2023), section 5.1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, _ = load_digits(n_class=2, return_X_y=True)
    >>> codes = AutoencoderFeatures((8, 8), code_size=16, epochs=1, random_state=0).fit_transform(X)
    >>> codes.shape
    (360, 16)
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        *,
        code_size: int = 256,
        epochs: int = 20,
        batch_size: int = 128,
        lr: float = 0.001,
        device: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.image_shape = image_shape
        self.code_size = code_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Train the autoencoder on rows X of shape (n_samples, n_pixels).

        Raises
        ------
        ValueError
            Where X or a parameter cannot be used.
        """
        X = validate_data(self, X, dtype=np.float32)
        size = int(np.prod(self.image_shape))
        if X.shape[1] != size or len(self.image_shape) not in (2, 3):
            raise InputError(
                f"image_shape is {self.image_shape}, but rows hold {X.shape[1]} values; they must agree"
            )
        self.least_ = X.min(axis=0)
        self.largest_ = float((X - self.least_).max()) or 1.0
        seed = int(check_random_state(self.random_state).randint(2**31))
        images = self._images(X)
        trainer = Trainer(
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer="adam",
            lr=self.lr,
            accelerator=make_accelerator(self.device),
            seed=seed,
        )
        with seeded(seed):
            self.net_ = GogosAutoencoder(images.shape[1:], self.code_size)
        log = train_autoencoder(self.net_, trainer, images)
        # Pixels are not classes: of accuracy there is none.
        self.history_ = [epoch | {"train_accuracy": None} for epoch in log.epochs]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Codes of rows, of shape (n_samples, code_size)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        images = self._images(X)
        return autoencode(self.net_, images, device=self.device)

    def _images(self, X: Any) -> torch.Tensor:
        """Rows as images with the channels first, their pixels in [0, 1]."""
        pixels = np.clip((X - self.least_) / self.largest_, 0, 1)
        height, width = self.image_shape[:2]
        images = torch.from_numpy(pixels).reshape(len(X), height, width, -1).permute(0, 3, 1, 2)
        return nn.functional.pad(images, (0, -width % _HALVED, 0, -height % _HALVED)).contiguous()

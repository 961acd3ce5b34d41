"""Training an autoencoder, and its codes as rows of features."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from maxmargin._checks import InputError
from maxmargin.deep.features import gathered, streamed
from maxmargin.deep.trainer import Trainer, TrainingLog


def train_autoencoder(
    autoencoder: nn.Module, trainer: Trainer, images: Any, *, validation: Any = None, resume: bool = False
) -> TrainingLog:
    """Train an autoencoder in place, by the binary cross-entropy of the pixels.

    Parameters
    ----------
    autoencoder : nn.Module
        Maps images to images, such as :class:`maxmargin.deep.nets.GogosAutoencoder`.
    trainer : Trainer
        How.
    images : array or tensor of shape (n, channels, height, width)
        Pixels in [0, 1].
    validation : array or tensor, optional
        Images that are scored after each epoch.
    resume : bool, default=False
        Whether to go on from the trainer's checkpoint, where there is one.

    Returns
    -------
    TrainingLog
        A record of each epoch; pixels are not classes, so its accuracies mean nothing.

    Examples
    --------
    >>> import torch
    >>> from maxmargin.deep.nets import GogosAutoencoder
    >>> images = torch.rand(20, 1, 8, 8)
    >>> trainer = Trainer(epochs=2, optimizer="adam", lr=1e-3)
    >>> len(train_autoencoder(GogosAutoencoder((1, 8, 8), 4), trainer, images).epochs)
    2
    """
    held_out = None if validation is None else (validation, validation)
    return trainer.fit(autoencoder, nn.BCELoss(), images, images, validation=held_out, resume=resume)


def autoencode(
    autoencoder: nn.Module,
    data: Any,
    *,
    batch_size: int = 256,
    device: Any = None,
    out: str | Path | None = None,
) -> np.ndarray:
    """Give the codes of all rows, as features for any classifier.

    Parameters
    ----------
    autoencoder : nn.Module
        A module with a method ``encode``, from inputs (N, ...) to codes (N, ...), such as
        :class:`maxmargin.deep.nets.GogosAutoencoder`.
    data, batch_size, device, out
        As :func:`maxmargin.deep.extract_features` takes them.

    Returns
    -------
    ndarray of shape (n, n_features), float32
        Flattened codes; with ``out``, a read-only memory map of the file.

    Raises
    ------
    InputError
        If the module has no ``encode`` that gives a row for each input, or the data cannot be used.

    Examples
    --------
    An autoencoder (a small one, its weights random) and an SVM on its codes:

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from maxmargin.deep.nets import GogosAutoencoder
    >>> from maxmargin.linear import CrammerSingerSVC
    >>> X, y = load_digits(n_class=3, return_X_y=True)
    >>> images = X[:200].reshape(-1, 1, 8, 8) / 16
    >>> _ = torch.manual_seed(0)
    >>> autoencoder = GogosAutoencoder((1, 8, 8), code_size=32)
    >>> codes = autoencode(autoencoder, images)
    >>> codes.shape, CrammerSingerSVC(C=100.0).fit(codes, y[:200]).score(codes, y[:200]) > 0.95
    ((200, 32), True)
    """
    encode: Any = getattr(autoencoder, "encode", None)
    if encode is None:
        raise InputError(f"{type(autoencoder).__name__} has no method encode; give an autoencoder")
    with closing(streamed(autoencoder, encode, data, batch_size, device)) as blocks:
        return gathered((codes for codes, _ in blocks), out)

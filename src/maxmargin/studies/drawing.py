"""A smaller data set from a large one, each class in its share."""

from dataclasses import replace

import numpy as np

from maxmargin._checks import InputError
from maxmargin._typing import Ints
from maxmargin.datasets import Dataset
from maxmargin.studies.protocol import rows_of


def drawn(dataset: Dataset, most: int | None, seed: int) -> tuple[Dataset, Ints]:
    """Draw at most ``most`` rows, each class in its share but with two rows at least.

    Parameters
    ----------
    dataset : Dataset
        What to draw from.
    most : int or None
        Rows at most; None for all.
    seed : int
        Of the drawing.

    Returns
    -------
    dataset : Dataset
        The rows drawn, in their order, with a note that says so.
    rows : ndarray of int
        Their places in the given data set.

    Raises
    ------
    InputError
        If ``most`` is less than two rows a class.

    Examples
    --------
    >>> from maxmargin.datasets import load_dataset
    >>> small, rows = drawn(load_dataset("iris"), 30, seed=0)
    >>> small.X.shape, len(rows)
    ((30, 4), 30)
    """
    classes, target = np.unique(dataset.y, return_inverse=True)
    if most is None or most >= len(target):
        return dataset, np.arange(len(target))
    if most < 2 * len(classes):
        raise InputError(
            f"--max-samples is {most}; {len(classes)} classes need at least {2 * len(classes)} rows"
        )
    wanted = np.maximum(2, np.floor(np.bincount(target) * most / len(target)).astype(int))
    while wanted.sum() > most:
        wanted[np.argmax(wanted)] -= 1
    rng = np.random.default_rng(seed)
    picked = [rng.permutation(np.flatnonzero(target == k))[:n] for k, n in enumerate(wanted)]
    rows = np.sort(np.concatenate(picked))
    X = rows_of(dataset.X, rows)
    note = f"{len(rows)} of the {len(target)} rows were drawn, each class in its share"
    return replace(dataset, X=X, y=dataset.y[rows], notes=[*dataset.notes, note]), rows

"""What one fitted classifier did on one set of samples: confusion, recall, margins."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maxmargin._checks import InputError


def confusion_matrix(
    true_indices: ArrayLike, predicted_indices: ArrayLike, n_classes: int
) -> NDArray[np.int64]:
    """Count the samples of each true class that were given to each class.

    Parameters
    ----------
    true_indices, predicted_indices : array of int, shape (n,)
        Class indices in ``0 .. n_classes - 1``.
    n_classes : int
        Number of classes, also those that do not occur here.

    Returns
    -------
    array of int, shape (n_classes, n_classes)
        Row: true class; column: predicted class.

    Raises
    ------
    InputError
        If the two differ in length, or an index is not one of the classes.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1], [0, 1, 1], n_classes=2)
    array([[1, 1],
           [0, 1]])
    """
    true = _class_indices(true_indices, n_classes, "true_indices")
    predicted = _class_indices(predicted_indices, n_classes, "predicted_indices")
    if true.shape != predicted.shape:
        raise InputError(
            f"{true.size} true indices but {predicted.size} predicted ones; give one of each per sample"
        )
    pairs = true * n_classes + predicted
    return np.bincount(pairs, minlength=n_classes**2).astype(np.int64).reshape(n_classes, n_classes)


def per_class_recall(confusion: ArrayLike) -> NDArray[np.float64]:
    """Share of each true class that was recognised.

    Parameters
    ----------
    confusion : array, shape (n_classes, n_classes)
        Row: true class; column: predicted class.

    Returns
    -------
    array, shape (n_classes,)
        In [0, 1]; nan for a class without samples.

    Raises
    ------
    InputError
        If the matrix is not square.

    Examples
    --------
    >>> per_class_recall([[3, 1], [0, 2]])
    array([0.75, 1.  ])
    """
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"confusion has shape {counts.shape}; it must be square, (n_classes, n_classes)")
    totals = counts.sum(axis=1)
    return np.divide(np.diag(counts), totals, out=np.full(totals.shape, np.nan), where=totals > 0)


def margins(scores: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """Score of the true class minus the best score of another class.

    A sample is recognised where its margin is positive; how large it is says how surely.

    Parameters
    ----------
    scores : array, shape (n, n_classes)
        With at least two classes.
    target : array of int, shape (n,)
        Class indices.

    Returns
    -------
    array, shape (n,)
        In the units of the scores.

    Raises
    ------
    InputError
        If the shapes do not belong together or an index is not one of the classes.

    Examples
    --------
    >>> margins([[2.0, 0.5, 1.0], [0.0, 3.0, 1.0]], [0, 2])
    array([ 1., -2.])
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise InputError(
            f"scores has shape {scores.shape}; it must be (n, n_classes) with at least two classes"
        )
    target = _class_indices(target, scores.shape[1], "target")
    if len(target) != len(scores):
        raise InputError(f"{len(scores)} rows of scores but {len(target)} targets; give one target per row")
    of_true = np.take_along_axis(scores, target[:, None], axis=1)[:, 0]
    others = scores.copy()
    np.put_along_axis(others, target[:, None], -np.inf, axis=1)
    return of_true - others.max(axis=1)


def _class_indices(values: ArrayLike, n_classes: int, name: str) -> NDArray[np.int64]:
    indices = np.asarray(values)
    if indices.ndim != 1 or (indices.size and not np.issubdtype(indices.dtype, np.integer)):
        raise InputError(
            f"{name} is {indices.dtype} of shape {indices.shape}; it must be a vector of class indices"
        )
    indices = indices.astype(np.int64)
    outside = indices[(indices < 0) | (indices >= n_classes)]
    if outside.size:
        raise InputError(f"{name} contains {outside[0]}; with {n_classes} classes use 0 to {n_classes - 1}")
    return indices

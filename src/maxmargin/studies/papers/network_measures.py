"""What a trained network is measured by."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import softmax

from maxmargin.metrics import expected_calibration_error
from maxmargin.studies.papers.png import png_text
from maxmargin.studies.records import Record

_FILTER_SCALE = 8  # pixels of a drawn filter to one of its weights


def measures_of(scores: np.ndarray, target: np.ndarray) -> Record:
    """Errors of scores, and how far the softmax of them is from how often it is right.

    Parameters
    ----------
    scores : array of shape (n, n_classes)
        As the network gives them; those of margin losses are put through the softmax as they are.
    target : array of int, shape (n,)
        Class of each row.

    Examples
    --------
    >>> measures_of(np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]]), np.array([0, 1]))["error"]
    0.5
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    error = float(np.mean(order[:, 0] != target))
    found: Record = {"n_test": len(target), "error": error, "accuracy": round(1 - error, 9)}
    for k in (2, 5):
        if scores.shape[1] > k:
            found[f"top_{k}_error"] = float(np.mean((order[:, :k] != target[:, None]).all(axis=1)))
    probabilities = softmax(scores.astype(np.float64), axis=1)
    return found | {"calibration_error": round(expected_calibration_error(probabilities, target), 6)}


def objective(net: Any, loss: float, training: Mapping[str, Any], C: float) -> float:
    """An objective's value over C: the mean loss and the weights' cost, which training divides by nothing.

    Parameters
    ----------
    net : nn.Module
        The network; biases cost nothing.
    loss : float
        Mean of the loss over the training rows.
    training : mapping
        Settings of the trainer, of which ``weight_decay`` and ``head_weight_decay`` are read.
    C : float
        What the loss is multiplied by in training.
    """
    from maxmargin.deep import find_head

    decay = float(training.get("weight_decay", 0.0))
    head_decay, head = float(training.get("head_weight_decay", decay)), find_head(net).weight
    cost = 0.0
    for weight in net.parameters():
        if weight.ndim > 1:
            square = float(weight.detach().double().square().sum())
            cost += (head_decay if weight is head else decay) / 2 * square
    return round(loss + cost / C, 6)


def drawn_filters(net: Any) -> list[str]:
    """Filters of the first layer, each the base64 of a PNG file; none unless it is one of images."""
    from maxmargin.deep.filters import first_filters

    filters = [np.asarray(pixels, dtype=np.uint8) for pixels in first_filters(net) or ()]
    return [png_text(pixels.repeat(_FILTER_SCALE, 0).repeat(_FILTER_SCALE, 1)) for pixels in filters]

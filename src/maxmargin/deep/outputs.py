"""What a trained network answers about rows, batch by batch."""

from typing import Any

import numpy as np
import torch
from torch import nn

from maxmargin.calibration import Calibration
from maxmargin.deep.rows import as_input
from maxmargin.deep.scopes import modes_kept

_ROWS_AT_ONCE = 1024


def outputs_of(net: nn.Module, rows: torch.Tensor, device: torch.device) -> torch.Tensor:
    """What the network, moved to the device, makes of all rows, in single precision where the rows are.

    Examples
    --------
    >>> outputs_of(nn.Identity(), torch.ones(2, 1, dtype=torch.float64), torch.device("cpu"))
    tensor([[1.], [1.]])
    """
    net.to(device)
    with torch.no_grad():
        batches = rows.split(_ROWS_AT_ONCE)
        return torch.cat([net(batch.to(device)).float().to(rows.device) for batch in batches])


def apply_net(net: nn.Module, X: Any) -> np.ndarray:
    """Outputs of a network, or of any layer, for rows: in evaluation mode, where the network is.

    Parameters
    ----------
    net : nn.Module
        Maps a batch (n, ...) to (n, ...); its training flags are left as they were.
    X : array or tensor of shape (n, ...)
        Rows; bytes are pixels of 0 to 255.

    Returns
    -------
    ndarray of shape (n, ...)
        In single precision.

    Examples
    --------
    >>> apply_net(nn.Flatten(), np.ones((3, 2, 2))).shape
    (3, 4)
    """
    state = next(iter((*net.parameters(), *net.buffers())), torch.empty(0))  # its device and precision
    rows = as_input(X if isinstance(X, torch.Tensor) else torch.as_tensor(np.asarray(X))).to(state.dtype)
    with modes_kept(net):
        return outputs_of(net.eval(), rows, state.device).cpu().numpy()


def single_probabilities(calibration: Calibration, scores: np.ndarray) -> np.ndarray:
    """Calibrated probabilities in the precision of the scores, each row's first largest that of its score.

    Examples
    --------
    >>> from maxmargin.calibration import TemperatureScaling
    >>> scores = np.array([[1.0, 1.0 + 2e-7]], dtype=np.float32)
    >>> calibration = TemperatureScaling().fit(scores, [1])
    >>> np.argmax(single_probabilities(calibration, scores), axis=1)
    array([1])
    """
    found: Any = calibration.predict_proba(scores).astype(scores.dtype)
    found = np.maximum(found, np.finfo(found.dtype).tiny)
    predicted = np.argmax(scores, axis=1)
    # Rounded, the largest may no longer be alone.
    tied = np.flatnonzero(np.argmax(found, axis=1) != predicted)
    found[tied, predicted[tied]] = np.nextafter(found[tied].max(axis=1), found.dtype.type(2))
    return found

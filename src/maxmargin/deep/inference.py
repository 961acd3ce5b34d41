"""A module applied to rows, batch by batch, without training it."""

from typing import Any

import numpy as np
import torch
from torch import nn

from maxmargin.deep.rows import as_rows


def outputs(module: nn.Module, X: Any, *, batch_size: int = 4096) -> np.ndarray:
    """Outputs of a module for rows, in evaluation mode and on the module's own device.

    Parameters
    ----------
    module : nn.Module
        Maps a batch (n, ...) to (n, ...).
    X : array or tensor of shape (n, ...)
        Rows; bytes are pixels of 0 to 255.
    batch_size : int, default=4096
        Rows at once.

    Returns
    -------
    ndarray of shape (n, ...)
        In single precision.

    Examples
    --------
    >>> outputs(nn.Flatten(), np.ones((3, 2, 2))).shape
    (3, 4)
    """
    state = next(iter((*module.parameters(), *module.buffers())), torch.empty(0))
    rows = as_rows(X, np.zeros(len(X), dtype=np.int64)).to(state.device)
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            batches = [
                module(rows.batch(some)[0]).float().cpu() for some in torch.arange(len(X)).split(batch_size)
            ]
    finally:
        for part, training in modes.items():
            part.training = training
    return torch.cat(batches).numpy()

"""The namespace of an array: array_api_compat's, found in a way that torch.compile can follow."""

from typing import Any

import array_api_compat

from maxmargin._typing import Array


def is_tensor(array: Array) -> bool:
    """Whether it is a torch tensor; torch itself is imported by whoever made it."""
    return hasattr(array, "requires_grad")


def has_values(tensor: Array) -> bool:
    """Whether the values of a tensor may be looked at: neither compiled nor transformed."""
    import torch

    if torch.compiler.is_compiling():
        return False
    from torch._C._functorch import is_functorch_wrapped_tensor

    return not is_functorch_wrapped_tensor(tensor) and not tensor.is_meta


def is_eager(tensor: Array) -> bool:
    """Whether they may be looked at without cost: on the CPU."""
    return tensor.device.type == "cpu" and has_values(tensor)


def array_namespace(array: Array) -> Any:
    """The functions of the array API for this kind of array.

    Examples
    --------
    >>> import numpy as np
    >>> array_namespace(np.zeros(3)).__name__
    'array_api_compat.numpy'
    """
    if is_tensor(array):
        # array_api_compat looks it up through a cache, of which torch.compile warns.
        import array_api_compat.torch as namespace

        return namespace
    return array_api_compat.array_namespace(array)

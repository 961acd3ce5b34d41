"""Names for the arrays that travel between floors."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = Any
"""An array of any array-API library: numpy.ndarray or torch.Tensor."""

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[Any]

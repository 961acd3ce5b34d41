"""Images as text, for records."""

import base64
import io

import numpy as np
from numpy.typing import NDArray


def png_text(pixels: NDArray[np.uint8]) -> str:
    """The base64 of a PNG file of an image of shape (height, width), or (height, width, 1 or 3).

    Examples
    --------
    >>> png_text(np.zeros((2, 2), dtype=np.uint8))[:5]
    'iVBOR'
    """
    from PIL import Image

    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    content = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if grey else pixels).save(content, "png", optimize=True)
    return base64.b64encode(content.getvalue()).decode()

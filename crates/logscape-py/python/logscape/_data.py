"""Data that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _lib

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Handwritten digits, those of ``builtin = "digits"`` in a study (Alpaydin and Kaynak 1998).

    Returns
    -------
    pictures : array (1797 × 64)
        Pictures of 8 × 8, with numbers from 0 to 1.
    labels : array (1797)
        From 0 to 9.
    """
    import numpy as np

    pictures, classes = (np.frombuffer(numbers, dtype=np.float64) for numbers in _lib.digits())
    return pictures.reshape(-1, 64), classes.reshape(-1, 10).argmax(axis=1)

"""Matrices of a problem as operators of SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from . import _lib


class _Symmetric(LinearOperator):  # type: ignore[misc]
    """A symmetric matrix that is known by its products."""

    def __init__(self, inner: _lib.Operator, dim: int) -> None:
        super().__init__(np.dtype(np.float64), (dim, dim))
        self._inner = inner

    def _matmat(self, block: Any) -> Any:
        columns = np.asarray(block, dtype=np.float64)
        image = self._inner.products(columns.tobytes(order="F"))
        return np.frombuffer(image, dtype=np.float64).reshape(columns.shape, order="F")

    def _matvec(self, vector: Any) -> Any:
        return self._matmat(np.reshape(vector, (-1, 1))).ravel()

    def _adjoint(self) -> LinearOperator:
        return self


def of(inner: _lib.Operator, dim: int) -> LinearOperator:
    """The operator (`P × P`)."""
    return _Symmetric(inner, dim)

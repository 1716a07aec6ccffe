"""What a model computes for a problem, and how its numbers cross to the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Samples = slice | NDArray[np.uint32]


@dataclass(frozen=True)
class Facts:
    """What stays the same of a model.

    Attributes
    ----------
    dim, samples, outputs : int
        Number of parameters `P`, of samples `N`, and of outputs `c` of a sample.
    smooth : bool
        Whether the gradient of the loss is continuous in the parameters.
    parameters : list of (str, list of int)
        Names and shapes of the parameters, in the order of `θ`.
    classes : list of int or None
        Class of each sample, where the targets are classes.
    constant_loss : float or None
        Loss of the best prediction that does not look at the inputs.
    samples_at_once, replicas_at_once, steps_at_once : int
        How many samples, replicas and steps of SGD a call is best asked for.
    """

    dim: int
    samples: int
    outputs: int
    smooth: bool
    parameters: list[tuple[str, list[int]]]
    classes: list[int] | None
    constant_loss: float | None
    samples_at_once: int
    replicas_at_once: int
    steps_at_once: int


class Calls(Protocol):
    """The products of a model with `P` parameters, at `theta` (`P`) over `m` samples. All numbers are ``float64``; the results are whatever
    NumPy makes an array of.

    The loss is the mean of those of the samples, ``ℓ(f, y)``; `J` is the Jacobian of a sample's outputs, and ``e = ∇_f ℓ``.
    """

    def residuals(self, theta: Numbers, samples: Samples) -> Any:
        """Gradients `e` in the outputs (`m × c`)."""

    def losses(self, theta: Numbers, samples: Samples) -> Any:
        """Losses of the samples (`m`)."""

    def weigh(self, theta: Numbers, rates: Numbers, samples: Samples) -> Any:
        """``∇²_f ℓ`` of each sample times its `rates` (`m × c`)."""

    def jvp(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        """``J v`` of each sample (`m × c`)."""

    def vjp(self, theta: Numbers, u: Numbers, samples: Samples) -> Any:
        """The sum of ``Jᵀ u`` (`P`) for `u` (`m × c`)."""

    def gradient(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        """Mean gradient (`P`) and mean loss."""

    def hessian(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        """Mean Hessian products with the rows of `vectors` (`k × P`). The bits of each do not depend on the others."""

    def gauss_newton(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        """The mean of ``Jᵀ ∇²_f ℓ J v`` (`P`)."""

    def sample_gradients(self, theta: Numbers, samples: Samples) -> Any:
        """Gradients of the samples (`m × P`)."""

    def gradient_squares(self, theta: Numbers, samples: Samples) -> Any:
        """Their squared norms (`m`)."""

    def sample_hessians(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        """Hessians of the samples between the rows of `vectors` (`m × k × k`)."""

    def jacobian_grams(self, theta: Numbers, samples: Samples) -> Any:
        """``J Jᵀ`` of each sample (`m × c × c`)."""

    def jacobian_moments(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        """Sums over samples and outputs of the squares, and of the fourth powers, of the columns of `J` (`P` each)."""

    def gradients(self, thetas: Numbers, batches: NDArray[np.uint32]) -> tuple[Any, Any]:
        """Mean gradients (`R × P`) and losses (`R`) of replicas, at `thetas` (`R × P`) over `batches` (`R × B`)."""

    def steps(self, thetas: Numbers, batches: NDArray[np.uint32], learning_rate: float) -> tuple[Any, Any]:
        """Where steps ``θ ← θ − η g`` lead from `thetas` (`R × P`) over `batches` (`S × R × B`), and a bound on the magnitudes of all
        parameters after every step, NaN where one has been NaN."""

    def accuracy(self, theta: Numbers) -> float:
        """The share of the samples whose class has the largest output."""


class Wire:
    """Calls of the core, whose arrays are bytes, as calls of a model."""

    def __init__(self, calls: Calls, dim: int) -> None:
        self._calls = calls
        self._dim = dim

    def _rows(self, numbers: bytes) -> Numbers:
        return _numbers(numbers).reshape(-1, self._dim)

    def residuals(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.residuals(_numbers(theta), _samples(samples)))

    def losses(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.losses(_numbers(theta), _samples(samples)))

    def weigh(self, theta: bytes, rates: bytes, samples: slice | bytes) -> list[bytes]:
        chosen = _samples(samples)
        return _made(self._calls.weigh(_numbers(theta), _numbers(rates).reshape(_count(chosen), -1), chosen))

    def jvp(self, theta: bytes, v: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.jvp(_numbers(theta), _numbers(v), _samples(samples)))

    def vjp(self, theta: bytes, u: bytes, samples: slice | bytes) -> list[bytes]:
        chosen = _samples(samples)
        return _made(self._calls.vjp(_numbers(theta), _numbers(u).reshape(_count(chosen), -1), chosen))

    def gradient(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(*self._calls.gradient(_numbers(theta), _samples(samples)))

    def hessian(self, theta: bytes, vectors: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.hessian(_numbers(theta), self._rows(vectors), _samples(samples)))

    def gauss_newton(self, theta: bytes, v: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.gauss_newton(_numbers(theta), _numbers(v), _samples(samples)))

    def sample_gradients(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.sample_gradients(_numbers(theta), _samples(samples)))

    def gradient_squares(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.gradient_squares(_numbers(theta), _samples(samples)))

    def sample_hessians(self, theta: bytes, vectors: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.sample_hessians(_numbers(theta), self._rows(vectors), _samples(samples)))

    def jacobian_grams(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(self._calls.jacobian_grams(_numbers(theta), _samples(samples)))

    def jacobian_moments(self, theta: bytes, samples: slice | bytes) -> list[bytes]:
        return _made(*self._calls.jacobian_moments(_numbers(theta), _samples(samples)))

    def gradients(self, thetas: bytes, batches: bytes) -> list[bytes]:
        rows = self._rows(thetas)
        return _made(*self._calls.gradients(rows, _indices(batches).reshape(len(rows), -1)))

    def steps(self, thetas: bytes, batches: bytes, steps: int, learning_rate: float) -> list[bytes]:
        rows = self._rows(thetas)
        return _made(*self._calls.steps(rows, _indices(batches).reshape(steps, len(rows), -1), learning_rate))

    def accuracy(self, theta: bytes) -> list[bytes]:
        return _made(self._calls.accuracy(_numbers(theta)))


def in_parts(samples: Samples, at_once: int, of: Callable[[Samples], Any]) -> list[Numbers]:
    """What `of` makes of at most so many samples at once."""
    if isinstance(samples, slice):
        places = range(samples.start, samples.stop)
        parts: list[Samples] = [slice(k, min(k + at_once, places.stop)) for k in places[::at_once]]
    else:
        parts = [samples[k : k + at_once] for k in range(0, len(samples), at_once)]
    return [np.asarray(of(part)) for part in parts]


def _count(samples: Samples) -> int:
    return samples.stop - samples.start if isinstance(samples, slice) else len(samples)


def _numbers(numbers: bytes) -> Numbers:
    return np.frombuffer(numbers, dtype=np.float64)


def _indices(indices: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(indices, dtype=np.uint32)


def _samples(samples: slice | bytes) -> Samples:
    return samples if isinstance(samples, slice) else _indices(samples)


def _made(*arrays: Any) -> list[bytes]:
    return [np.ascontiguousarray(array, dtype=np.float64).tobytes() for array in arrays]

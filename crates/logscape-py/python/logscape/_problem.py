"""Problems of the caller's own models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import _lib
from ._errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._record import Record


class Problem:
    """A model with its data and a loss, at parameters from which a search for a minimum starts. `logscape.torch.problem` and
    `logscape.jax.problem` make it, and `run` takes it.

    Parameters come and go in the form that the model has them: a ``state_dict``, or a pytree.
    """

    def __init__(
        self,
        inner: _lib.Model,
        how: str,
        flatten: Callable[[Any], NDArray[np.float64]],
        unflatten: Callable[[Mapping[str, NDArray[np.float64]]], Any],
        why: str | None = None,
    ) -> None:
        self._inner = inner
        self._how = how
        self._flatten = flatten
        self._unflatten = unflatten
        self._why = why

    @property
    def computed_by(self) -> str:
        """Who computes: ``"logscape"``, whose own network it became, or the library of the model, which is called."""
        return self._how

    @property
    def why(self) -> str | None:
        """Why the library of the model computes, where that was not asked for."""
        return self._why

    @property
    def loss_name(self) -> str:
        """The name of the loss of a sample."""
        return self._inner.loss_name()

    @property
    def samples(self) -> int:
        """Number of samples `N`."""
        return self._inner.sizes()[1]

    @property
    def outputs(self) -> int:
        """Number of outputs `c` of a sample."""
        return self._inner.sizes()[2]

    @property
    def parameters(self) -> int:
        """Number of parameters `P`."""
        return self._inner.sizes()[0]

    @property
    def names(self) -> dict[str, int]:
        """Names and sizes of the parameters, in the order of the flat vector ``θ``: what ``curvature.layers`` of a study names."""
        return dict(self._inner.names())

    @property
    def start(self) -> NDArray[np.float64]:
        """The flat parameters `θ` (`P`) where a search for a minimum starts: those of the model when it was given."""
        import numpy as np

        return np.frombuffer(self._inner.start(), dtype=np.float64)

    def at(self, parameters: Any) -> Problem:
        """The same problem with another start: parameters in the model's form, a flat ``θ`` (`P`), or a `Record`, whose minimum it is."""
        inner = self._inner.at(self._theta(parameters).tobytes())
        return Problem(inner, self._how, self._flatten, self._unflatten, self._why)

    def loss(self, parameters: Any = None) -> float:
        """The mean loss over all samples, at the start unless parameters are given."""
        return self._inner.loss_and_gradient(self._theta(parameters).tobytes())[0]

    def gradient(self, parameters: Any = None) -> NDArray[np.float64]:
        """The gradient of the mean loss (`P`), at the start unless parameters are given."""
        import numpy as np

        return np.frombuffer(self._inner.loss_and_gradient(self._theta(parameters).tobytes())[1], dtype=np.float64)

    def restore(self, record: Record) -> Any:
        """The minimum of a record of this problem in the model's form."""
        return self._unflatten(self._weights(record))

    def check(self, parameters: Any = None, *, seed: int = 0) -> list[str]:
        """What products do not agree with each other, in words: derivatives with differences, sums with samples, products with their
        adjoints, on a few samples along random directions. Empty where all agree. A model with kinks may be named where it has none."""
        return self._inner.check(self._theta(parameters).tobytes(), seed)

    def _weights(self, record: Record) -> dict[str, NDArray[np.float64]]:
        """The minimum of a record, which has to be one of this problem."""
        weights = record.weights
        for name, size in self.names.items():
            if name not in weights or weights[name].size != size:
                found = "no" if name not in weights else weights[name].size
                raise ModelError(f"record: {found} numbers of `{name}`, but the problem has {size}", "give a record of this problem")
        return weights

    def _theta(self, parameters: Any) -> NDArray[np.float64]:
        import numpy as np

        from ._record import Record

        if parameters is None:
            return self.start
        if isinstance(parameters, Record):
            weights = self._weights(parameters)
            parameters = np.concatenate([weights[name].reshape(-1) for name in self.names])
        flat = parameters if isinstance(parameters, np.ndarray) else self._flatten(parameters)
        theta = np.ascontiguousarray(flat, dtype=np.float64)
        if theta.shape != (self.parameters,):
            raise ValueError(f"parameters of the shape {theta.shape}, but the problem has {self.parameters}")
        return theta

    def __repr__(self) -> str:
        sizes = f"{self.parameters} parameters, {self.samples} samples, {self.outputs} outputs"
        why = "" if self._why is None else f", since {self._why}"
        return f"<logscape.Problem: {sizes}, {self.loss_name}; computed by {self._how}{why}>"

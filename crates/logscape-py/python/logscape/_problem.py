"""Problems of the caller's own models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from . import _lib
from ._errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse.linalg import LinearOperator

    from ._record import Record
    from ._show import Progress
    from ._steps import Minimum

Precision = Literal["float64", "float32"]


class Others(NamedTuple):
    """What a file of a model's parameters may hold beside these.

    Attributes
    ----------
    fixed : list of (str, list of int, bytes)
        Tensors that are no parameters: name, shape, and their numbers, which a file has to agree with.
    tied : list of (str, str)
        Second names of parameters, each with the first.
    ignored : list of str
        Tensors that nothing is computed with.
    """

    fixed: list[tuple[str, list[int], bytes]]
    tied: list[tuple[str, str]]
    ignored: list[str]


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
        whole: dict[str, int] | None = None,
        others: Others = Others([], [], []),
    ) -> None:
        self._inner = inner
        self._how = how
        self._flatten = flatten
        self._unflatten = unflatten
        self._why = why
        self._whole = whole or self.names
        self._others = others
        self._memo = _lib.Memo()

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
        """The name of the loss of a sample; ``"own"`` for one of the caller's."""
        return self._inner.loss_name() or "own"

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
        """The same problem with another start.

        Parameters
        ----------
        parameters : state_dict, module, pytree, array, Record or path
            Parameters in the model's form; a flat ``θ`` (`P`), as an array or a list; a `Record`, whose minimum it is; or a safetensors file, whose tensors have the
            names that `names` has. Every method that takes parameters takes all of these.

        Returns
        -------
        Problem

        Raises
        ------
        ModelError
            If they are not those of the model; of a file, the message names the tensor.
        """
        return self._with(self._inner.at(self._theta(parameters).tobytes()))

    def select(self, *names: str) -> Problem:
        """The problem in some of its parameters, with all others fixed at the start.

        Parameters
        ----------
        *names : str
            Names of parameters, as `names` has them, or of layers, where ``*`` stands for anything: ``"fc"``, ``"conv*"``, ``"*.bias"``.

        Returns
        -------
        Problem

        Raises
        ------
        KeyError
            If there is no parameter of a name.
        """
        return self._with(self._inner.select(list(names)))

    def _with(self, inner: _lib.Model) -> Problem:
        """The same of another start, or of other parameters."""
        return Problem(inner, self._how, self._flatten, self._unflatten, self._why, self._whole, self._others)

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

    def minimum(
        self,
        *,
        start: Any = None,
        seed: int = 0,
        to: str | os.PathLike[str] | None = None,
        progress: Progress = True,
        **options: Any,
    ) -> Minimum:
        """Search for a minimum from the start, and measure curvature and noise there.

        Parameters
        ----------
        start : state_dict, module, pytree, array, Record or path, optional
            Another start, as `at` takes it. Default: that of the problem.
        seed : int, default 0
            Seed of every random stream, here and in what follows.
        to : path, optional
            Folder of the record. Default: one that is removed with the result.
        progress : bool or callable, default True
            Whether the work is shown, as `run` takes it.
        **options
            The fields of ``[minimum]`` in a study: ``train={"optimiser": "adam", ...}``, ``tolerance=1e-8``, ``search=False`` to measure at
            the start itself, ``accept=True`` to go on where the search ends at no minimum.

        Returns
        -------
        Minimum
        """
        from ._steps import Minimum

        problem = self if start is None else self.at(start)
        return Minimum.of(problem, {"name": "model", "seed": seed, "minimum": options}, to, progress)

    def hessian(self, parameters: Any = None, *, precision: Precision = "float64") -> LinearOperator:
        """The Hessian ``H = ∇²L`` at the start, unless parameters are given, as a `scipy.sparse.linalg.LinearOperator` (`P × P`): exact
        products, whose passes over the data are kept from one to the next. Needs scipy (``logscape[scipy]``)."""
        return self._operator("hessian", parameters, precision)

    def gauss_newton(self, parameters: Any = None, *, precision: Precision = "float64") -> LinearOperator:
        """The Gauss–Newton matrix ``G = (1/N) Σ Jᵀ ∇²_f ℓ J``, as `hessian`."""
        return self._operator("gauss-newton", parameters, precision)

    def noise_covariance(self, parameters: Any = None, *, precision: Precision = "float64") -> LinearOperator:
        """The covariance of one sample's gradient, ``C = (1/N) Σ g gᵀ − ∇L ∇Lᵀ``, as `hessian`."""
        return self._operator("noise-covariance", parameters, precision)

    def empirical_fisher(self, parameters: Any = None, *, precision: Precision = "float64") -> LinearOperator:
        """The second moment of one sample's gradient, ``F = (1/N) Σ g gᵀ``, as `hessian`."""
        return self._operator("empirical-fisher", parameters, precision)

    def _operator(self, matrix: str, parameters: Any, precision: Precision) -> LinearOperator:
        from ._operator import of

        if precision == "float32" and self._how != "logscape":
            raise ValueError(f"precision: {self._how} computes in float64")
        return of(_lib.operator(self._inner, self._theta(parameters).tobytes(), matrix, precision), self.parameters)

    def check(self, parameters: Any = None, *, seed: int = 0) -> list[str]:
        """What products do not agree with each other, in words: derivatives with differences, sums with samples, products with their
        adjoints, on a few samples along random directions. Empty where all agree. A model with kinks may be named where it has none."""
        return self._inner.check(self._theta(parameters).tobytes(), seed)

    def _weights(self, record: Record) -> dict[str, NDArray[np.float64]]:
        """The minimum of a record, which has to be one of this problem."""
        weights = record.weights
        for name, size in self._whole.items():
            if name not in weights or weights[name].size != size:
                found = "no" if name not in weights else weights[name].size
                raise ModelError(f"record: {found} numbers of `{name}`, but the problem has {size}", "give a record of this problem")
        return weights

    def _theta(self, parameters: Any) -> NDArray[np.float64]:
        import numpy as np

        from ._record import Record

        if parameters is None:
            return self.start
        if isinstance(parameters, (str, os.PathLike)):
            path = Path(parameters)
            parameters = np.frombuffer(self._inner.weights(str(path), path.read_bytes(), *self._others), dtype=np.float64)
        if isinstance(parameters, (list, tuple)) and all(isinstance(number, (int, float)) for number in parameters):
            parameters = np.array(parameters, dtype=np.float64)
        if isinstance(parameters, Record):
            weights = self._weights(parameters)
            parameters = np.concatenate([weights[name].reshape(-1) for name in self._whole])
        flat = parameters if isinstance(parameters, np.ndarray) else self._flatten(parameters)
        theta = np.ascontiguousarray(flat, dtype=np.float64)
        own, _, _, whole = self._inner.sizes()
        if theta.shape not in ((own,), (whole,)):
            raise ValueError(f"parameters of the shape {theta.shape}, but the problem has {own}")
        return theta

    def __repr__(self) -> str:
        sizes = f"{self.parameters} parameters, {self.samples} samples, {self.outputs} outputs"
        why = "" if self._why is None else f", since {self._why}"
        return f"<logscape.Problem: {sizes}, {self.loss_name}; computed by {self._how}{why}>"

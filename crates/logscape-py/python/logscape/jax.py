"""Models of JAX: functions of parameters and inputs.

>>> import logscape.jax
>>> problem = logscape.jax.problem(apply, params, inputs, targets, loss="cross-entropy")
>>> record = logscape.run({"name": "mine", "sgd": {"learning_rate": 0.1, "batch_size": 16}}, problem=problem)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from . import _lib, _model
from ._calls import Facts, Numbers, Samples, Wire, in_parts
from ._errors import ModelError
from ._problem import Problem

__all__ = ["problem"]

# Samples of a call, and numbers of what a call holds for each sample and parameter.
_SAMPLES = 4096
_NUMBERS = 1 << 24
# Samples of a range up to which their number is filled up.
_FEW = 256
# Bytes that first passes over the data may take from product to product.
_KEPT = 1 << 30
# Replicas and steps of SGD of a call, and numbers that these write: a call is not interrupted.
_REPLICAS = 64
_STEPS = 128
_WRITTEN = 1 << 25


def problem(
    apply: Callable[[Any, Any], Any],
    params: Any,
    inputs: Any,
    targets: Any,
    *,
    loss: _model.LossName | Callable[[Any, Any], Any] = "mean-square",
    smooth: bool = True,
) -> Problem:
    """Make a problem of a function that JAX can differentiate. It is called in double precision, on the device that JAX computes on.

    Parameters
    ----------
    apply : callable
        ``apply(params, inputs)`` gives the outputs of a batch, one row for each sample: `m` rows for `m` inputs, each by its own input
        alone.
    params : pytree of arrays
        Where a search for a minimum starts.
    inputs : array or pytree of arrays
        The inputs of all `N` samples along the first axis.
    targets : array
        Targets (`N × c`), or labels (`N`) with ``loss="cross-entropy"``; with a loss of your own whatever it takes, along the first axis.
    loss : str or callable, default "mean-square"
        The loss of a sample: ``"mean-square"``, ``½‖f − y‖²``, of which that of PyTorch is ``2/c`` times as much; ``"cross-entropy"`` of
        softmax; ``"logistic"``, summed over outputs; ``"huber"``; or ``loss(f, y)`` of the outputs and the target of one sample, convex in
        the outputs.
    smooth : bool, default True
        Whether the gradient is continuous in the parameters. Say False for a model with rectifiers or maxima.

    Returns
    -------
    Problem

    Raises
    ------
    ModelError
        If the model or its data cannot be used.
    """
    name: str | None = None if callable(loss) else _model.loss_name(loss)
    with _double():
        leaves, _ = jax.tree_util.tree_flatten_with_path(params)
        _require_parameters(leaves)
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        flat, unravel = ravel_pytree(params)
        inputs = jax.tree.map(_double_inputs, inputs)
        samples = _samples(inputs)
        jitted = jax.jit(lambda theta, x: apply(unravel(theta), x))

        def outputs(chosen: Any) -> Any:
            return jitted(flat, jax.tree.map(lambda array: array[chosen], inputs))

        count = _model.require_outputs(outputs, samples, 1e-9)
        if callable(loss):
            rows, classes, constant = _own_targets(targets, samples), None, None
            sample_loss = _own_loss(loss, np.shape(outputs(np.arange(1)))[1:])
            _require_scalar(jax.eval_shape(sample_loss, jnp.zeros(count), rows[0]))
        else:
            name = _model.loss_name(loss)
            sample_loss = _loss(name)
            rows, classes = _model.targets(targets, samples, count, name)
            constant = _model.constant_loss(rows, name)
        parameters = [(_path(path), list(np.shape(leaf))) for path, leaf in leaves]
        facts = Facts(
            dim=flat.size,
            samples=samples,
            outputs=count,
            smooth=smooth,
            parameters=parameters,
            classes=classes,
            constant_loss=constant,
            samples_at_once=min(samples, _SAMPLES),
            replicas_at_once=_REPLICAS,
            steps_at_once=max(min(_WRITTEN // (_REPLICAS * flat.size), _STEPS), 1),
        )
        calls = _Calls(apply, unravel, inputs, jnp.asarray(rows), sample_loss, flat.size, count)
        inner = _lib.outside(facts, name, Wire(calls, flat.size), np.asarray(flat, dtype=np.float64).tobytes())

    def flatten(params: Any) -> Numbers:
        with _double():
            return np.asarray(ravel_pytree(params)[0], dtype=np.float64)

    def unflatten(weights: Mapping[str, Numbers]) -> Any:
        tensors = [weights[_path(path)].astype(np.asarray(leaf).dtype) for path, leaf in leaves]
        return jax.tree_util.tree_unflatten(jax.tree.structure(params), tensors)

    return Problem(inner, "JAX", flatten, unflatten)


def _double() -> Any:
    """Double precision on this thread, whatever the process has."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # type: ignore[attr-defined,unused-ignore]

    return enable_x64()


def _double_inputs(array: Any) -> Any:
    """Real numbers in double precision; indices as they are."""
    made = jnp.asarray(array)
    return made.astype(jnp.float64) if jnp.issubdtype(made.dtype, jnp.floating) else made


def _path(path: tuple[Any, ...]) -> str:
    return ".".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path) or "theta"


def _require_parameters(leaves: list[tuple[Any, Any]]) -> None:
    if not leaves:
        raise ModelError("params: there are no parameters")
    for path, leaf in leaves:
        name, kind = _path(path), jnp.asarray(leaf).dtype
        if kind in (jnp.float16, jnp.bfloat16):
            raise ModelError(f"params: `{name}` is of {kind}", "give float32 or float64: half precision hides curvature")
        if not jnp.issubdtype(kind, jnp.floating):
            raise ModelError(f"params: `{name}` is of {kind}", "give real parameters only; fix the others within `apply`")
        if not bool(jnp.isfinite(jnp.asarray(leaf)).all()):
            raise ModelError(f"params: `{name}` has a number that is not finite")


def _samples(inputs: Any) -> int:
    counts = {np.shape(leaf)[0] if np.ndim(leaf) else 0 for leaf in jax.tree.leaves(inputs)}
    if len(counts) != 1 or counts == {0}:
        raise ModelError(f"inputs: first axes of {sorted(counts) or 'no'} samples", "give arrays with one row for each sample")
    for leaf in jax.tree.leaves(inputs):
        if not bool(jnp.isfinite(leaf).all()):
            raise ModelError("inputs: a number is not finite")
    return int(counts.pop())


def _own_targets(targets: Any, samples: int) -> Any:
    """Targets of a loss of the caller's own, as an array."""
    array = _double_inputs(targets)
    if array.ndim == 0 or len(array) != samples:
        found = len(array) if array.ndim else "no"
        raise ModelError(f"targets: {found} rows for {samples} inputs", "give one row for each input")
    return array


def _own_loss(loss: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> Callable[[Any, Any], Any]:
    """The caller's loss of flat outputs, which have that shape."""
    return lambda f, y: loss(f.reshape(shape), y)


def _require_scalar(made: Any) -> None:
    if getattr(made, "shape", None) != ():
        shape = getattr(made, "shape", type(made).__name__)
        raise ModelError(f"loss: it returns {shape} for a sample", "return one number: the sum over the outputs, or their mean")


def _loss(name: str | None) -> Callable[[Any, Any], Any]:
    """The loss of a sample with outputs `f` and targets `y`."""
    if name == "mean-square":
        return lambda f, y: 0.5 * jnp.sum((f - y) ** 2)
    if name == "cross-entropy":
        return lambda f, y: jnp.sum(y) * jax.nn.logsumexp(f) - jnp.sum(y * f)
    if name == "logistic":
        return lambda f, y: jnp.sum(jnp.logaddexp(0.0, f) - y * f)
    return lambda f, y: jnp.sum(jnp.where(jnp.abs(f - y) <= 1, 0.5 * (f - y) ** 2, jnp.abs(f - y) - 0.5))


class _Calls:
    """The products of a function, each compiled once for each number of samples."""

    def __init__(
        self, apply: Any, unravel: Any, inputs: Any, targets: Any, sample_loss: Any, dim: int, outputs: int
    ) -> None:
        self._inputs, self._targets = inputs, targets
        self._dim, self._outputs = dim, outputs
        self._around: tuple[bytes, dict[tuple[int, int], Any]] = (b"", {})
        slope = jax.grad(sample_loss)

        def rows_of(params: Any, x: Any) -> Any:
            out = apply(params, x)
            return out.reshape(out.shape[0], -1)

        def rows(theta: Any, x: Any) -> Any:
            return rows_of(unravel(theta), x)

        def row(theta: Any, x: Any) -> Any:
            return rows(theta, jax.tree.map(lambda array: array[None], x))[0]

        def mean_of(params: Any, x: Any, y: Any) -> Any:
            return jnp.mean(jax.vmap(sample_loss)(rows_of(params, x), y))

        def mean(theta: Any, x: Any, y: Any) -> Any:
            return mean_of(unravel(theta), x, y)

        def of_sample(theta: Any, x: Any, y: Any) -> Any:
            return sample_loss(row(theta, x), y)

        def weigh(theta: Any, rates: Any, x: Any, y: Any) -> Any:
            f = rows(theta, x)
            return jax.vmap(lambda f, y, rate: jax.jvp(lambda f: slope(f, y), (f,), (rate,))[1])(f, y, rates)

        def gauss_newton(theta: Any, v: Any, x: Any, y: Any) -> Any:
            f, tangent = jax.linearize(lambda theta: rows(theta, x), theta)
            images = jax.vmap(lambda f, y, rate: jax.jvp(lambda f: slope(f, y), (f,), (rate,))[1])(f, y, tangent(v))
            return jax.linear_transpose(tangent, theta)(images / len(f))[0]

        def between(theta: Any, vectors: Any, x: Any, y: Any) -> Any:
            def along(steps: Any) -> Any:
                return of_sample(theta + steps @ vectors, x, y)

            return jax.jacfwd(jax.jacfwd(along))(jnp.zeros(len(vectors)))

        def grams(theta: Any, x: Any) -> Any:
            jacobian = jax.jacrev(row)(theta, x)
            return jacobian @ jacobian.T

        def moments(theta: Any, weights: Any, x: Any) -> Any:
            def add(sums: Any, sample: Any) -> Any:
                weight, x = sample
                squares = jax.jacrev(row)(theta, x) ** 2
                return sums + weight * jnp.stack([squares.sum(axis=0), (squares**2).sum(axis=0)]), None

            return jax.lax.scan(add, jnp.zeros((2, theta.size)), (weights, x))[0]

        def steps(thetas: Any, batches: Any, rate: Any, inputs: Any, targets: Any) -> Any:
            # Parameters as they are given: of flat ones each step would make copies.
            def one(params: Any, batch: Any) -> Any:
                x, y = jax.tree.map(lambda array: array[batch], inputs), targets[batch]
                slopes = jax.vmap(jax.grad(mean_of))(params, x, y)
                params = jax.tree.map(lambda leaf, slope: leaf - rate * slope, params, slopes)
                return params, sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(params))

            params, squares = jax.lax.scan(one, jax.vmap(unravel)(thetas), batches)
            return jax.vmap(lambda params: ravel_pytree(params)[0])(params), jnp.sqrt(squares.max())

        def gradients(thetas: Any, batches: Any, inputs: Any, targets: Any) -> Any:
            x, y = jax.tree.map(lambda array: array[batches], inputs), targets[batches]
            return jax.vmap(jax.value_and_grad(mean))(thetas, x, y)

        self._rows = jax.jit(rows)
        self._residuals = jax.jit(lambda theta, x, y: jax.vmap(slope)(rows(theta, x), y))
        self._losses = jax.jit(lambda theta, x, y: jax.vmap(sample_loss)(rows(theta, x), y))
        self._weigh = jax.jit(weigh)
        self._jvp = jax.jit(lambda theta, v, x: jax.jvp(lambda theta: rows(theta, x), (theta,), (v,))[1])
        self._vjp = jax.jit(lambda theta, u, x: jax.vjp(lambda theta: rows(theta, x), theta)[1](u)[0])
        self._gradient = jax.jit(jax.value_and_grad(mean))
        self._linearize = jax.jit(lambda theta, x, y: jax.linearize(lambda theta: jax.grad(mean)(theta, x, y), theta)[1])
        self._product = jax.jit(lambda product, v: product(v))
        self._gauss_newton = jax.jit(gauss_newton)
        self._sample_gradients = jax.jit(_each(jax.grad(of_sample)))
        self._squares = jax.jit(_each(lambda theta, x, y: jnp.sum(jax.grad(of_sample)(theta, x, y) ** 2)))
        self._between = jax.jit(jax.vmap(between, (None, None, 0, 0)))
        self._grams = jax.jit(_each(grams))
        self._moments = jax.jit(moments)
        self._gradients = jax.jit(gradients)
        self._steps = jax.jit(steps)

    def _data(self, samples: Samples) -> tuple[Any, Any]:
        return jax.tree.map(lambda array: array[samples], self._inputs), self._targets[samples]

    def _in_parts(self, samples: Samples, numbers: int, of: Callable[[Any, Any], Any]) -> Any:
        """Rows that `of` makes of some samples at once, each of which takes so many numbers."""

        def rows(part: Samples) -> Any:
            count, chosen = _few(part)
            return of(*self._data(chosen))[:count]

        return np.concatenate(in_parts(samples, _at_once(numbers), rows))

    def residuals(self, theta: Numbers, samples: Samples) -> Any:
        with _double():
            count, chosen = _few(samples)
            return self._residuals(theta, *self._data(chosen))[:count]

    def losses(self, theta: Numbers, samples: Samples) -> Any:
        with _double():
            count, chosen = _few(samples)
            return self._losses(theta, *self._data(chosen))[:count]

    def weigh(self, theta: Numbers, rates: Numbers, samples: Samples) -> Any:
        with _double():
            count, chosen = _few(samples)
            return self._weigh(theta, _longer(rates, chosen), *self._data(chosen))[:count]

    def jvp(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        with _double():
            count, chosen = _few(samples)
            return self._jvp(theta, v, self._data(chosen)[0])[:count]

    def vjp(self, theta: Numbers, u: Numbers, samples: Samples) -> Any:
        with _double():
            _, chosen = _few(samples)
            return self._vjp(theta, _longer(u, chosen), self._data(chosen)[0])

    def gradient(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        with _double():
            loss, gradient = self._gradient(theta, *self._data(samples))
            return gradient, loss

    def hessian(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        with _double():
            product = self._linearized(theta, samples)
            return [np.asarray(self._product(product, v)) for v in vectors]

    def _linearized(self, theta: Numbers, samples: Samples) -> Any:
        """The Hessian's product around `theta`, kept from call to call while it is asked for the same place."""
        if not isinstance(samples, slice):
            return self._linearize(theta, *self._data(samples))
        here, around = theta.tobytes(), self._around
        if around[0] != here:
            # Read and put as one: operators at other places may be at work on threads of their own.
            self._around = around = (here, {})
        kept, which = around[1], (samples.start, samples.stop)
        if which not in kept:
            made = self._linearize(theta, *self._data(samples))
            if sum(leaf.nbytes for leaf in jax.tree.leaves((kept, made))) > _KEPT:
                return made
            kept[which] = made
        return kept[which]

    def gauss_newton(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        with _double():
            return self._gauss_newton(theta, v, *self._data(samples))

    def sample_gradients(self, theta: Numbers, samples: Samples) -> Any:
        with _double():
            return self._in_parts(samples, self._dim, lambda x, y: self._sample_gradients(theta, x, y))

    def gradient_squares(self, theta: Numbers, samples: Samples) -> Any:
        with _double():
            return self._in_parts(samples, self._dim, lambda x, y: self._squares(theta, x, y))

    def sample_hessians(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        with _double():
            count, chosen = _few(samples)
            return self._between(theta, vectors, *self._data(chosen))[:count]

    def jacobian_grams(self, theta: Numbers, samples: Samples) -> Any:
        with _double():
            return self._in_parts(samples, self._dim * self._outputs, lambda x, _: self._grams(theta, x))

    def jacobian_moments(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        def sums(part: Samples) -> Any:
            count, chosen = _few(part)
            weights = _longer(np.ones((count, 1)), chosen)[:, 0]
            return self._moments(theta, weights, self._data(chosen)[0])

        with _double():
            squares, fourths = np.sum(in_parts(samples, _at_once(self._dim * self._outputs), sums), axis=0)
            return squares, fourths

    def gradients(self, thetas: Numbers, batches: Any) -> tuple[Any, Any]:
        with _double():
            count = len(thetas)
            filled = _filled(thetas), _filled(batches)
            losses, gradients = self._gradients(*filled, self._inputs, self._targets)
            return gradients[:count], losses[:count]

    def steps(self, thetas: Numbers, batches: Any, learning_rate: float) -> tuple[Any, Any]:
        with _double():
            count = len(thetas)
            filled = _filled(thetas), np.swapaxes(_filled(np.swapaxes(batches, 0, 1)), 0, 1)
            moved, bound = self._steps(*filled, learning_rate, self._inputs, self._targets)
            return moved[:count], bound

    def accuracy(self, theta: Numbers) -> float:
        right = 0
        with _double():
            for first in range(0, len(self._targets), _SAMPLES):
                x, y = self._data(slice(first, min(first + _SAMPLES, len(self._targets))))
                right += _model.right(np.asarray(self._rows(theta, x)), np.asarray(y))
        return right / len(self._targets)


def _filled(rows: Any) -> Any:
    """Rows up to a power of two, so that few numbers of them are compiled for: the first again."""
    count = 1 << (len(rows) - 1).bit_length()
    return np.concatenate([rows, np.repeat(rows[:1], count - len(rows), axis=0)]) if count > len(rows) else rows


def _at_once(numbers: int) -> int:
    """Samples of a call that holds so many numbers for each: a power of two."""
    return 1 << max((_NUMBERS // numbers).bit_length() - 1, 0)


def _each(of: Callable[..., Any]) -> Callable[..., Any]:
    """What `of` makes of parameters and each sample: one after the other on a processor, whose caches hold those of one, else together."""

    def each(theta: Any, *samples: Any) -> Any:
        if jax.default_backend() == "cpu":
            return jax.lax.map(lambda sample: of(theta, *sample), samples)
        return jax.vmap(lambda *sample: of(theta, *sample))(*samples)

    return each


def _few(samples: Samples) -> tuple[int, Samples]:
    """The number of the samples, and these up to a power of two where they are few or no range, so that little is compiled."""
    if not isinstance(samples, slice):
        return len(samples), _filled(samples)
    count = samples.stop - samples.start
    return count, _filled(np.arange(samples.start, samples.stop, dtype=np.uint32)) if count <= _FEW else samples


def _longer(rows: Numbers, chosen: Samples) -> Numbers:
    """Rows of zeros after these, one for each sample that was chosen."""
    count = chosen.stop - chosen.start if isinstance(chosen, slice) else len(chosen)
    return np.pad(rows, ((0, count - len(rows)), (0, 0)))

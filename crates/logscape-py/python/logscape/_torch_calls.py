"""The products of a module of PyTorch, by automatic differentiation in double precision."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.backends import mha
from torch.func import functional_call, grad, jacrev, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from . import _model
from ._calls import Numbers, Samples, in_parts
from ._torch_norms import Norms

# Samples of a call at most, and numbers that are held for each sample, or replica, and parameter at once: on a processor what its
# caches hold.
_SAMPLES = 1 << 14
_NUMBERS = {"cpu": 1 << 20}
_NUMBERS_ELSEWHERE = 1 << 25
# Bytes that graphs may take from product to product, and those of the samples of one call.
_KEPT = 1 << 30
_AT_ONCE = 1 << 28
# Replicas and steps of SGD of a call.
_REPLICAS = 64
STEPS = 32

# A module has the parameters of the call while it is called, and the switch of attention is one for all: one call at a time.
_TURN = threading.RLock()

# Graphs that are kept, by what they are of and where they are.
_Graphs = dict[tuple[str, int, int], tuple[Tensor, ...]]


class Own:
    """A loss of the caller's own, of flat outputs of one sample, which it gets in this shape."""

    def __init__(self, loss: Callable[[Tensor, Tensor], Tensor], shape: Sequence[int]) -> None:
        self._loss = loss
        self._shape = tuple(shape)

    def __call__(self, f: Tensor, y: Tensor) -> Tensor:
        return self._loss(f.reshape(self._shape), y)

    def slope(self, f: Tensor, y: Tensor) -> Tensor:
        made: Tensor = grad(self.__call__)(f, y)
        return made

    def weighed(self, f: Tensor, y: Tensor, rates: Tensor) -> Tensor:
        # The Hessian is symmetric.
        made: Tensor = vjp(lambda f: self.slope(f, y), f)[1](rates)[0]
        return made


class Calls:
    """The products of `module`, a copy of its own, in the parameters of these names."""

    def __init__(self, module: torch.nn.Module, names: Sequence[str], inputs: Tensor) -> None:
        self._module = module
        self.names = list(names)
        parameters = dict(module.named_parameters())
        self._shapes = [parameters[name].shape for name in names]
        self.sizes = [parameters[name].numel() for name in names]
        self._device = parameters[self.names[0]].device
        self._inputs = inputs
        self.dim = sum(self.sizes)
        self._numbers = _NUMBERS.get(self._device.type, _NUMBERS_ELSEWHERE)
        self.start = _numbers(_flat([parameters[name] for name in names]))

    def take(self, targets: Any, loss: str | Own, outputs: int) -> None:
        """Take targets, the name of the loss of a sample or one of the caller's own, and the number of outputs, which the products need."""
        self._targets = torch.as_tensor(targets, device=self._device)
        self._loss = loss
        self._outputs = outputs
        self._around: tuple[Numbers, list[Tensor], _Graphs] = (np.empty(0), [], {})
        with _at_work():
            self._bytes = max(self._graph_bytes(2) - self._graph_bytes(1), 1)
        self.samples_at_once = min(len(self._inputs), _SAMPLES, _power(_AT_ONCE // self._bytes))
        self.replicas_at_once = min(_REPLICAS, _power(_NUMBERS_ELSEWHERE // self.dim))

    def targets(self, samples: slice) -> Tensor:
        """The targets of samples."""
        made: Tensor = self._targets[samples]
        return made

    def outputs(self, samples: Any) -> Tensor:
        """What the module makes of samples, as it is, at the start, with its graph."""
        with _at_work():
            made: Tensor = self._call(self._leaves(self.start), self._inputs[samples])
            return made

    def is_smooth(self) -> bool:
        """Whether no operation of the module has a kink, by their names."""
        nodes, seen = [self.outputs(slice(0, 1)).grad_fn], set()
        while nodes:
            node = nodes.pop()
            if node is None or node in seen:
                continue
            if node.name().startswith(_KINKS):
                return False
            seen.add(node)
            nodes.extend(following for following, _ in node.next_functions)
        return True

    def _call(self, leaves: Sequence[Tensor], x: Tensor) -> Any:
        return functional_call(self._module, dict(zip(self.names, leaves)), (x,))

    def _rows(self, leaves: Sequence[Tensor], x: Tensor) -> Tensor:
        out: Tensor = self._call(leaves, x)
        return out.reshape(len(out), -1)

    def _data(self, samples: Samples) -> tuple[Tensor, Tensor]:
        chosen = samples if isinstance(samples, slice) else self._indices(samples)
        return self._inputs[chosen], self._targets[chosen]

    def _indices(self, indices: Any) -> Tensor:
        return torch.tensor(indices.astype(np.int64), device=self._device)

    def _tensor(self, numbers: Numbers) -> Tensor:
        return torch.tensor(numbers, device=self._device)

    def _parts(self, flat: Tensor) -> list[Tensor]:
        return [part.view(shape) for part, shape in zip(torch.split(flat, self.sizes), self._shapes)]

    def _leaves(self, theta: Numbers) -> list[Tensor]:
        """Parameters, each in memory of its own: the same bits wherever `theta` lies."""
        return [part.clone().requires_grad_() for part in self._parts(self._tensor(theta))]

    def _stacked(self, thetas: Numbers) -> list[Tensor]:
        """Parameters of replicas (`R × P`) along their first axis."""
        parts = torch.split(self._tensor(thetas), self.sizes, dim=1)
        return [part.reshape(-1, *shape).contiguous().requires_grad_() for part, shape in zip(parts, self._shapes)]

    def residuals(self, theta: Numbers, samples: Samples) -> Any:
        with _at_work(), torch.no_grad():
            x, y = self._data(samples)
            return _numbers(_slope(self._loss, self._rows(self._leaves(theta), x), y))

    def losses(self, theta: Numbers, samples: Samples) -> Any:
        with _at_work(), torch.no_grad():
            x, y = self._data(samples)
            return _numbers(_losses(self._loss, self._rows(self._leaves(theta), x), y))

    def weigh(self, theta: Numbers, rates: Numbers, samples: Samples) -> Any:
        with _at_work(), torch.no_grad():
            x, y = self._data(samples)
            return _numbers(_weighed(self._loss, self._rows(self._leaves(theta), x), y, self._tensor(rates)))

    def jvp(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        with _at_work():
            leaves = self._leaves(theta)
            return _numbers(self._tangent(self._rows(leaves, self._data(samples)[0]), leaves, self._tensor(v)))

    def vjp(self, theta: Numbers, u: Numbers, samples: Samples) -> Any:
        with _at_work():
            leaves = self._leaves(theta)
            f = self._rows(leaves, self._data(samples)[0])
            return _numbers(_flat(_gradients([f], leaves, [self._tensor(u)])))

    def gradient(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        with _at_work():
            leaves, (x, y) = self._leaves(theta), self._data(samples)
            f = self._rows(leaves, x)
            with torch.no_grad():
                slopes, losses = _slope(self._loss, f, y) / len(f), _losses(self._loss, f, y)
            return _numbers(_flat(_gradients([f], leaves, [slopes]))), losses.mean().item()

    def hessian(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        with _at_work():
            leaves, gradients = self._around_theta("hessian", theta, samples)
            products = []
            for v in vectors:
                along = self._parts(self._tensor(v))
                products.append(_numbers(_flat(_gradients(gradients, leaves, along, keep=True))))
            return products

    def gauss_newton(self, theta: Numbers, v: Numbers, samples: Samples) -> Any:
        with _at_work():
            leaves, (f, u, *back) = self._around_theta("gauss-newton", theta, samples)
            (rates,) = _gradients(back, [u], self._parts(self._tensor(v)), keep=True)
            images = _weighed(self._loss, f.detach(), self._data(samples)[1], rates) / len(f)
            return _numbers(_flat(_gradients([f], leaves, [images], keep=True)))

    def sample_gradients(self, theta: Numbers, samples: Samples) -> Any:
        def of(part: Samples) -> Any:
            gradients = self._each_gradient(self._leaves(theta), *self._data(part))
            return _numbers(_rows(gradients))

        with _at_work():
            return np.concatenate(in_parts(samples, _power(self._numbers // self.dim), of))

    def gradient_squares(self, theta: Numbers, samples: Samples) -> Any:
        def of(part: Samples) -> Any:
            leaves, (x, y) = self._leaves(theta), self._data(part)
            squares = self._squares(leaves, x, y) if self._norms is None else self._norms.squares(self._of_samples(leaves, x, y))
            return _numbers(squares)

        with _at_work():
            at_once = _power(self._numbers // (self.dim if self._norms is None else self._norms.numbers))
            return np.concatenate(in_parts(samples, min(at_once, self.samples_at_once), of))

    def _squares(self, leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Squared norms of the gradients of samples, by the gradients."""
        parts = [gradient.flatten(1).square().sum(dim=1) for gradient in self._each_gradient(leaves, x, y)]
        return torch.stack(parts).sum(dim=0)

    def _of_samples(self, leaves: list[Tensor], x: Tensor, y: Tensor) -> Callable[[], Tensor]:
        return lambda: _losses(self._loss, self._rows(leaves, x), y)

    @cached_property
    def _norms(self) -> Norms | None:
        """Squared norms without the gradients, where these are the same for two samples."""
        norms = Norms.of(self._module, self.names)
        if norms is None:
            return None
        # Not at the start, where gradients may be zero.
        leaves, (x, y) = self._leaves(self.start + 0.1 * np.cos(np.arange(self.dim))), self._data(slice(0, 2))
        try:
            found, expected = norms.squares(self._of_samples(leaves, x, y)), self._squares(leaves, x, y)
        except Exception:
            return None
        return norms if torch.allclose(found, expected, rtol=1e-9, atol=0.0) else None

    def sample_hessians(self, theta: Numbers, vectors: Numbers, samples: Samples) -> Any:
        with _at_work():
            leaves, (x, y) = self._leaves(theta), self._data(samples)
            losses = _losses(self._loss, self._rows(leaves, x), y)
            # Products of the Hessian of a weighted sum are linear in the weights. A third derivative in the parameters would do as well,
            # but that of some layers is wrong in PyTorch.
            weights = torch.ones_like(losses, requires_grad=True)
            gradients = _gradients([losses], leaves, [weights], create=True)
            along, rows = self._tensor(vectors), []
            for k, v in enumerate(along):
                image = _gradients(gradients, leaves, self._parts(v), create=True)
                rows.append([_gradients(image, [weights], self._parts(w), keep=True)[0] for w in along[: k + 1]])
            counts = range(len(along))
            between = [torch.stack([rows[max(i, j)][min(i, j)] for j in counts], dim=1) for i in counts]
            return _numbers(torch.stack(between, dim=1))

    def jacobian_grams(self, theta: Numbers, samples: Samples) -> Any:
        def of(part: Samples) -> Any:
            rows = self._each_jacobian(self._leaves(theta), self._data(part)[0])
            return _numbers(sum(row.flatten(2) @ row.flatten(2).mT for row in rows))

        with _at_work():
            return np.concatenate(in_parts(samples, _power(self._numbers // (self.dim * self._outputs)), of))

    def jacobian_moments(self, theta: Numbers, samples: Samples) -> tuple[Any, Any]:
        def of(part: Samples) -> Any:
            rows = self._each_jacobian(self._leaves(theta), self._data(part)[0])
            squares = torch.cat([row.flatten(2) for row in rows], dim=2).square()
            return _numbers(torch.stack([squares.sum(dim=(0, 1)), squares.square().sum(dim=(0, 1))]))

        with _at_work():
            parts = in_parts(samples, _power(self._numbers // (self.dim * self._outputs)), of)
        squares, fourths = np.sum(parts, axis=0)
        return squares, fourths

    def gradients(self, thetas: Numbers, batches: Any) -> tuple[Any, Any]:
        made = []
        with _at_work():
            for group in self._groups(len(thetas)):
                gradients, losses = self._of_replicas(self._stacked(thetas[group]), self._indices(batches[group]))
                made.append((_numbers(_rows(gradients)), _numbers(losses)))
        return np.concatenate([rows for rows, _ in made]), np.concatenate([losses for _, losses in made])

    def steps(self, thetas: Numbers, batches: Any, learning_rate: float) -> tuple[Any, Any]:
        made, bounds = [], []
        with _at_work():
            for group in self._groups(len(thetas)):
                leaves = self._stacked(thetas[group])
                for batch in self._indices(batches[:, group]):
                    gradients, _ = self._of_replicas(leaves, batch)
                    with torch.no_grad():
                        for leaf, part in zip(leaves, gradients):
                            leaf.add_(part, alpha=-learning_rate)
                        bounds += [torch.linalg.vector_norm(leaf, torch.inf) for leaf in leaves]
                made.append(_numbers(_rows(leaves)))
        return np.concatenate(made), _numbers(torch.stack(bounds).amax())

    def _groups(self, replicas: int) -> list[slice]:
        """Replicas that are moved together."""
        at_once = _power(self._numbers // self.dim)
        return [slice(first, min(first + at_once, replicas)) for first in range(0, replicas, at_once)]

    def accuracy(self, theta: Numbers) -> float:
        right, samples = 0, len(self._targets)
        with _at_work(), torch.no_grad():
            leaves = self._leaves(theta)
            for first in range(0, samples, self.samples_at_once):
                x, y = self._data(slice(first, min(first + self.samples_at_once, samples)))
                right += _model.right(_numbers(self._rows(leaves, x)), _numbers(y))
        return right / samples

    def _tangent(self, rows: Tensor, leaves: Sequence[Tensor], v: Tensor) -> Tensor:
        """How fast `rows` change along `v`: the derivative of their pull-back in what is pulled back, which it is linear in."""
        weights = torch.zeros_like(rows, requires_grad=True)
        back = _gradients([rows], leaves, [weights], create=True)
        return _gradients(back, [weights], self._parts(v))[0]

    def _around_theta(self, kind: str, theta: Numbers, samples: Samples) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Leaves and graph of a product, kept from call to call while it is asked for around the same place."""
        here, leaves, kept = self._around
        if not np.array_equal(here, theta):
            kept.clear()
            leaves, kept = self._leaves(theta), {}
            self._around = (theta.copy(), leaves, kept)
        if not isinstance(samples, slice):
            return leaves, self._graph(kind, leaves, samples)
        which = (kind, samples.start, samples.stop)
        if which in kept:
            return leaves, kept[which]
        made = self._graph(kind, leaves, samples)
        if self._bytes * sum(stop - start for _, start, stop in (*kept, which)) <= _KEPT:
            kept[which] = made
        return leaves, made

    def _graph(self, kind: str, leaves: list[Tensor], samples: Samples) -> tuple[Tensor, ...]:
        x, y = self._data(samples)
        f = self._rows(leaves, x)
        if kind == "hessian":
            return tuple(_gradients([f], leaves, [_slope(self._loss, f, y) / len(f)], create=True))
        u = torch.zeros_like(f, requires_grad=True)
        return f, u, *_gradients([f], leaves, [u], create=True)

    def _graph_bytes(self, samples: int) -> int:
        """Bytes that the graph of the Hessian keeps of the first samples, but for what a loss of the caller's own keeps."""
        # All of them stay alive until the end, so that no two have the same place.
        saved: list[Tensor] = []

        def pack(tensor: Tensor) -> Tensor:
            saved.append(tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            leaves = self._leaves(self.start)
            f = self._rows(leaves, self._inputs[:samples])
            _gradients([f], leaves, [f if isinstance(self._loss, Own) else _slope(self._loss, f, self._targets[:samples])], create=True)
        storages = [tensor.untyped_storage() for tensor in saved]
        data = {self._inputs.untyped_storage().data_ptr(), self._targets.untyped_storage().data_ptr()}
        sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
        return sum(size for place, size in sizes.items() if place not in data)

    @cached_property
    def vectorised(self) -> bool:
        """Whether the module can be called for samples and replicas in one operation each; else it is called for one after the other."""
        leaves, two = self._leaves(self.start), self._inputs[:1].repeat_interleave(2, dim=0)
        self.vectorised = True
        try:
            self._each_gradient(leaves, two, self._targets[:1].expand(2, -1))
            stacked = [torch.stack([leaf, leaf]).detach().requires_grad_() for leaf in leaves]
            self._of_replicas(stacked, torch.zeros((2, 1), dtype=torch.int64, device=self._device))
        except Exception:
            return False
        return True

    def _each_gradient(self, leaves: list[Tensor], x: Tensor, y: Tensor) -> Sequence[Tensor]:
        """Gradients of samples (`m`, and then the shape of each leaf)."""

        def of_sample(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
            return _losses(self._loss, self._rows(leaves, x[None])[0], y)

        if self.vectorised:
            gradients: Sequence[Tensor] = vmap(grad(of_sample), (None, 0, 0))(_constant(leaves), x, y)
            return gradients
        each = [_gradients([of_sample(leaves, x, y)], leaves) for x, y in zip(x, y)]
        return [torch.stack(part) for part in zip(*each)]

    def _each_jacobian(self, leaves: list[Tensor], x: Tensor) -> Sequence[Tensor]:
        """Jacobians of samples (`m × c`, and then the shape of each leaf)."""

        def row(leaves: list[Tensor], x: Tensor) -> Tensor:
            return self._rows(leaves, x[None])[0]

        if self.vectorised:
            jacobians: Sequence[Tensor] = vmap(jacrev(row), (None, 0))(_constant(leaves), x)
            return jacobians
        each = []
        for sample in x:
            entries = [_gradients([f], leaves, keep=True) for f in row(leaves, sample)]
            each.append([torch.stack(part) for part in zip(*entries)])
        return [torch.stack(part) for part in zip(*each)]

    def _of_replicas(self, leaves: list[Tensor], batch: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        """Gradients (each `R`, and then the shape of a leaf) and mean losses (`R`) of replicas over `batch` (`R × B`)."""

        def mean(leaves: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
            return _losses(self._loss, self._rows(leaves, x), y).mean()

        x, y = self._inputs[batch], self._targets[batch]
        if self.vectorised:
            losses = vmap(mean)(leaves, x, y)
        else:
            losses = torch.stack([mean(leaves, x, y) for *leaves, x, y in zip(*leaves, x, y)])
        # Each is of its own parameters alone.
        return _gradients([losses.sum()], leaves), losses


@contextmanager
def _at_work() -> Iterator[None]:
    """Gradients are on, and attention is computed by operations that can be differentiated twice."""
    with _TURN:
        fast = mha.get_fastpath_enabled()
        mha.set_fastpath_enabled(False)
        try:
            with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
                yield
        finally:
            mha.set_fastpath_enabled(fast)


def _power(count: int) -> int:
    """The largest power of two that is not above it, from 1 on."""
    return 1 << max(count.bit_length() - 1, 0)


def _flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _rows(parts: Sequence[Tensor]) -> Tensor:
    """Parts along the first axis as rows."""
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def _constant(leaves: list[Tensor]) -> list[Tensor]:
    return [leaf.detach() for leaf in leaves]


def _numbers(tensor: Any) -> Numbers:
    made: Numbers = tensor.detach().cpu().numpy()
    return made


def _gradients(
    made: Sequence[Tensor],
    leaves: Sequence[Tensor],
    along: Sequence[Tensor] | None = None,
    *,
    keep: bool = False,
    create: bool = False,
) -> Sequence[Tensor]:
    """Gradients of what was made, times `along`, in the leaves; zeros in those that it does not depend on."""
    if along is None:
        along = [torch.ones_like(part) for part in made]
    which = [k for k, part in enumerate(made) if part.requires_grad]
    if not which:
        return [torch.zeros_like(leaf) for leaf in leaves]
    gradients: Sequence[Tensor] = torch.autograd.grad(
        [made[k] for k in which],
        leaves,
        [along[k] for k in which],
        retain_graph=keep or create,
        create_graph=create,
        materialize_grads=True,
    )
    return gradients


# Operations whose slope jumps somewhere, by the names of their derivatives.
_KINKS = (
    *("Relu", "LeakyRelu", "Prelu", "Rrelu", "PreluKernel", "RreluWithNoise", "Threshold"),
    *("Hardtanh", "Hardswish", "Hardsigmoid", "Hardshrink", "Softshrink", "Clamp", "Abs", "Sgn", "Sign", "Where"),
    *("Max", "Min", "Amax", "Amin", "Aminmax", "Fmax", "Fmin", "AdaptiveMax", "FractionalMax", "Sort", "Topk", "Median"),
    *("Floor", "Ceil", "Round", "Trunc", "Frac", "Fmod", "Remainder"),
)


def _losses(name: str | Own, f: Tensor, y: Tensor) -> Tensor:
    """Losses of samples with outputs `f` and targets `y` (`… × c`)."""
    if isinstance(name, Own):
        made: Tensor = name(f, y) if f.ndim == 1 else vmap(name)(f, y)
        return made
    if name == "mean-square":
        return 0.5 * (f - y).square().sum(-1)
    if name == "cross-entropy":
        return y.sum(-1) * torch.logsumexp(f, -1) - (y * f).sum(-1)
    if name == "logistic":
        return (torch.logaddexp(torch.zeros_like(f), f) - y * f).sum(-1)
    far = (f - y).abs()
    return torch.where(far <= 1, 0.5 * (f - y).square(), far - 0.5).sum(-1)


def _slope(name: str | Own, f: Tensor, y: Tensor) -> Tensor:
    """Their gradients in the outputs."""
    if isinstance(name, Own):
        made: Tensor = vmap(name.slope)(f, y)
        return made
    if name == "cross-entropy":
        return y.sum(-1, keepdim=True) * torch.softmax(f, -1) - y
    if name == "logistic":
        return torch.sigmoid(f) - y
    return (f - y).clamp(-1, 1) if name == "huber" else f - y


def _weighed(name: str | Own, f: Tensor, y: Tensor, rates: Tensor) -> Tensor:
    """Their Hessians in the outputs times `rates`."""
    if isinstance(name, Own):
        made: Tensor = vmap(name.weighed)(f, y, rates)
        return made
    if name == "cross-entropy":
        p = torch.softmax(f, -1)
        return y.sum(-1, keepdim=True) * p * (rates - (p * rates).sum(-1, keepdim=True))
    if name == "logistic":
        p = torch.sigmoid(f)
        return p * (1 - p) * rates
    return torch.where((f - y).abs() <= 1, rates, 0) if name == "huber" else rates

"""Modules of PyTorch as networks of logscape."""

from __future__ import annotations

import inspect
import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from . import _lib
from ._calls import Numbers
from ._torch_calls import Calls
from ._torch_words import FUNCTIONS, METHODS, MODULES, Call, Untranslatable, Word

__all__ = ["Untranslatable", "translated"]

# What may differ of outputs, loss and gradient, relative to their size.
_TOLERANCE = 1e-9
# Samples whose outputs are compared.
_COMPARED = 1024

_SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")


@dataclass
class _Layer:
    """A word, and the module whose tensors it has."""

    word: Word
    name: str | None


@dataclass
class _Block:
    """Two branches of the same value, added; without a shortcut the second is the value itself."""

    layers: list[_Layer | _Block]
    shortcut: list[_Layer | _Block]


def translated(module: nn.Module, inputs: Tensor, targets: Numbers, loss: str, calls: Calls) -> _lib.Model:
    """The network of logscape that computes what `module`, in double precision, does of the `inputs`.

    Raises
    ------
    Untranslatable
        If there is none, or it does not compute the same outputs, loss and gradient.
    """
    _require_single(module)
    graph, modules = _traced(module, inputs)
    layers = _Reader(modules).chain(graph)
    shape = list(graph.start)
    network = {
        "layers": json.dumps(_words(layers)),
        "shape": shape if len(shape) == 3 else [int(np.prod(shape))],
        "names": _names(layers),
        "inputs": inputs,
        "weights": [tensor for name in _names(layers) for tensor in _tensors(name, modules[name])],
    }
    made = _network(network, loss, targets)
    names = [name for name, _ in made.names()]
    if left := sorted(set(calls.names) - set(names)):
        raise Untranslatable(f"`{left[0]}` takes no part in the outputs")
    if len(calls.names) < len(names):
        made = made.select(calls.names)
    _require_same(network, made, targets, loss, calls)
    return made


def _network(network: dict[str, Any], loss: str, targets: Numbers) -> _lib.Model:
    inputs = network["inputs"][: len(targets)].reshape(len(targets), -1).double().cpu().numpy()
    try:
        return _lib.network(
            network["layers"],
            network["shape"],
            names=network["names"],
            loss=loss,
            inputs=inputs.tobytes(),
            targets=np.ascontiguousarray(targets).tobytes(),
            weights=network["weights"],
        )
    except ValueError as error:
        raise Untranslatable(str(error)) from error


def _require_single(module: nn.Module) -> None:
    """Refuse one parameter under two names, which no network has."""
    seen: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        first = seen.setdefault(id(parameter), name)
        if first != name:
            raise Untranslatable(f"`{first}` and `{name}` are one parameter")


@dataclass
class _Graph:
    """Operations of a module, each with its shapes, and the shape of a sample where they start."""

    output: fx.Node
    input: fx.Node
    start: Sequence[int]


def _traced(module: nn.Module, inputs: Tensor) -> tuple[_Graph, dict[str, nn.Module]]:
    try:
        unless_given = _defaults(module)
        traced = fx.symbolic_trace(module, concrete_args=unless_given)
        _Shapes(traced).run(inputs[:1].repeat_interleave(2, dim=0), *unless_given.values())
    except Exception as error:
        # It runs the module on symbols, which may raise whatever a module raises.
        raise Untranslatable(f"it cannot be traced: {str(error).splitlines()[0] if str(error) else error!r}") from error
    nodes = list(traced.graph.nodes)
    places = [node for node in nodes if node.op == "placeholder"]
    if not places:
        raise Untranslatable("it has no inputs")
    start = places[0]
    # An image that comes as a row, or with sides of its own, and is brought into its shape first.
    while len(users := _users(start)) == 1 and _is_reshaped(users[0], dict(traced.named_modules())):
        start = users[0]
    output = next(node for node in nodes if node.op == "output").args[0]
    if not isinstance(output, fx.Node):
        raise Untranslatable("its output is not one tensor")
    return _Graph(output, start, _shape(start)), dict(traced.named_modules())


def _defaults(module: nn.Module) -> dict[str, Any]:
    """What the module is called with beside its inputs."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    return {given.name: given.default for given in parameters[1:] if given.default is not given.empty}


class _Shapes(fx.Interpreter):  # type: ignore[misc,unused-ignore]
    """Notes the shape of each tensor."""

    def run_node(self, n: fx.Node) -> Any:
        made = super().run_node(n)
        n.meta["shape"] = made.shape if isinstance(made, Tensor) else None
        return made


def _users(node: fx.Node) -> list[fx.Node]:
    """What uses its numbers, and not its shape alone."""
    return [user for user in node.users if user.target not in ("size", getattr)]


def _is_reshaped(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    if node.op == "call_module":
        return isinstance(modules[str(node.target)], (nn.Unflatten, nn.Identity))
    return node.op == "call_method" and node.target in ("view", "reshape", "unflatten") and len(_shape(node)) == 3


def _shape(node: fx.Node) -> Sequence[int]:
    """The shape of a sample."""
    shape: Any = node.meta["shape"]
    if shape is None:
        raise Untranslatable(f"`{node.name}` is not one tensor")
    if len(shape) == 0 or shape[0] != 2:
        raise Untranslatable(f"`{node.name}` has no row for each sample")
    return tuple(shape[1:])


class _Reader:
    """Reads a graph from its end."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self._modules = modules
        self._used: set[str] = set()

    def chain(self, graph: _Graph) -> list[_Layer | _Block]:
        return self._between(graph.output, graph.input)

    def _between(self, node: fx.Node, start: fx.Node) -> list[_Layer | _Block]:
        """Layers from `start` on, whose outputs are those of `node`."""
        layers: list[_Layer | _Block] = []
        while node is not start:
            if node.op == "placeholder":
                raise Untranslatable("it has several inputs, or residual connections that cross")
            if node.op in ("call_function", "call_method") and node.target in _SUMS:
                before, branches = self._sum(node)
                layers.append(_block(*(self._between(branch, before) for branch in branches)))
                node = before
            else:
                made, before = self._layer(node)
                layers.extend(made[::-1])
                node = before
        return layers[::-1]

    def _sum(self, node: fx.Node) -> tuple[fx.Node, tuple[fx.Node, fx.Node]]:
        """The last value that both of two values that are added are made of, and the two."""
        if len(node.args) != 2 or node.kwargs or not all(isinstance(value, fx.Node) for value in node.args):
            raise Untranslatable(f"`{node.name}` adds what is no output of a layer")
        a, b = node.args
        assert isinstance(a, fx.Node) and isinstance(b, fx.Node)
        both = _before(a) & _before(b)
        last = next((value for value in reversed(node.graph.nodes) if value in both), None)
        if last is None:
            raise Untranslatable(f"`{node.name}` adds two values that are made of different inputs")
        return last, (a, b)

    def _layer(self, node: fx.Node) -> tuple[list[_Layer], fx.Node]:
        """Layers of an operation, and what it is of."""
        if node.op == "call_module":
            name, module = str(node.target), self._modules[str(node.target)]
            if type(module) not in MODULES:
                raise Untranslatable(f"`{name}` is {type(module).__name__}, which networks of logscape do not have")
            words = MODULES[type(module)](Call(name, self._shapes(node), module=module))
            if next(iter(module.state_dict()), None) is None:
                return [_Layer(word, None) for word in words], self._input(node)
            if name in self._used:
                raise Untranslatable(f"`{name}` is called twice")
            self._used.add(name)
            return [_Layer(word, name) for word in words], self._input(node)
        known: Any = {"call_function": FUNCTIONS, "call_method": METHODS}.get(node.op, {})
        if node.target not in known:
            raise Untranslatable(f"`{node.name}` is an operation that networks of logscape do not have")
        call = Call(node.name, self._shapes(node), arguments=node.args[1:], named=node.kwargs)
        return [_Layer(word, None) for word in known[node.target](call)], self._input(node)

    def _input(self, node: fx.Node) -> fx.Node:
        before = node.args[0] if node.args else node.kwargs.get("input")
        if not isinstance(before, fx.Node):
            raise Untranslatable(f"`{node.name}` is of no output of a layer")
        return before

    def _shapes(self, node: fx.Node) -> tuple[Sequence[int], Sequence[int]]:
        return _shape(self._input(node)), _shape(node)


def _before(node: fx.Node) -> set[fx.Node]:
    """A value, and all that it is made of."""
    found = {node}
    nodes = [node]
    while nodes:
        more = set(nodes.pop().all_input_nodes) - found
        found |= more
        nodes.extend(more)
    return found


def _block(a: list[_Layer | _Block], b: list[_Layer | _Block]) -> _Block:
    """Two branches, of which the first computes something."""
    return _Block(a, b) if any(word != "flatten" for word in _words(a)) else _Block(b, a)


def _words(layers: list[_Layer | _Block]) -> list[Any]:
    return [layer.word if isinstance(layer, _Layer) else _word(layer) for layer in layers]


def _word(block: _Block) -> Word:
    shortcut = {"shortcut": _words(block.shortcut)} if block.shortcut else {}
    return {"residual": _words(block.layers), **shortcut}


def _names(layers: list[_Layer | _Block]) -> list[str]:
    """Of the layers that have tensors, in the order of the network."""
    names: list[str] = []
    for layer in layers:
        if isinstance(layer, _Block):
            names.extend(_names(layer.layers) + _names(layer.shortcut))
        elif layer.name is not None:
            names.append(layer.name)
    return names


def _tensors(name: str, module: nn.Module) -> list[tuple[str, list[int], bytes]]:
    """Parameters of a layer, and the statistics of a batch norm."""
    state = {f"{name}.{key}": tensor for key, tensor in module.state_dict().items() if key != "num_batches_tracked"}
    return [(key, list(tensor.shape), tensor.cpu().numpy().tobytes()) for key, tensor in state.items()]


def _require_same(network: dict[str, Any], made: _lib.Model, targets: Numbers, loss: str, calls: Calls) -> None:
    """Compare with the module: outputs at the start, loss and gradient beside it, since at a minimum rounding is all that there is."""
    order = [name for name, _ in made.names()]
    own = calls.outputs(slice(0, _COMPARED)).detach().reshape(-1, targets.shape[1]).cpu().numpy()
    # The mean square of what differs.
    beside = _network(network, "mean-square", own)
    off, _ = beside.loss_and_gradient(bytes(beside.start()))
    _require_near("outputs", np.sqrt(2 * off), np.sqrt(np.square(own).sum(axis=1).mean()))
    theta = calls.start + 0.01 * np.sqrt(np.square(calls.start).mean()) * np.random.default_rng(0).standard_normal(calls.dim)
    its_loss, its_gradient = made.loss_and_gradient(_ordered(calls, theta, order).tobytes())
    loss_there, gradient = 0.0, np.zeros(calls.dim)
    for first in range(0, len(targets), calls.samples_at_once):
        part = slice(first, min(first + calls.samples_at_once, len(targets)))
        slopes, mean = calls.gradient(theta, part)
        share = (part.stop - part.start) / len(targets)
        loss_there, gradient = loss_there + share * mean, gradient + share * slopes
    _require_near("loss", abs(its_loss - loss_there), abs(loss_there))
    apart = np.linalg.norm(np.frombuffer(its_gradient) - _ordered(calls, gradient, order))
    _require_near("gradient", float(apart), float(np.linalg.norm(gradient)))


def _ordered(calls: Calls, flat: Numbers, names: list[str]) -> Numbers:
    parts = dict(zip(calls.names, np.split(flat, np.cumsum(calls.sizes)[:-1])))
    return np.concatenate([parts[name] for name in names])


def _require_near(what: str, off: float, size: float) -> None:
    if not off <= _TOLERANCE * size:
        by = f"{off / size:.1e} of its size" if size > 0 else f"{off:.1e}"
        raise Untranslatable(f"the network of its layers is off in the {what}, by {by}")

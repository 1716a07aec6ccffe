"""Models of PyTorch: modules.

>>> import logscape.torch
>>> problem = logscape.torch.problem(module, inputs, targets, loss="cross-entropy")
>>> record = logscape.run({"name": "mine", "sgd": {"learning_rate": 0.1, "batch_size": 16}}, problem=problem)
>>> module.load_state_dict(problem.restore(record))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
import torch

from . import _lib, _model, _torch_traps
from ._calls import Facts, Numbers, Wire
from ._errors import ModelError
from ._problem import Others, Problem
from ._torch_calls import STEPS, Calls, Own
from ._torch_loss import loss_name
from ._torch_translation import Untranslatable, translated

__all__ = ["problem"]


def problem(
    module: torch.nn.Module,
    inputs: Any,
    targets: Any = None,
    *,
    loss: _model.LossName | torch.nn.Module | Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = "mean-square",
    by: Literal["auto", "translation", "calls"] = "auto",
    smooth: bool | None = None,
) -> Problem:
    """Make a problem of a module. What the module is now is copied: what happens to it afterwards changes nothing.

    A module of the layers that logscape has, one after the other or in two branches that are added, becomes a network of logscape, which is
    faster, on the processor; any other one is called, in double precision, on the device where it is. `Problem.computed_by` says which it is, and
    `Problem.why` why it is not translated.

    Parameters
    ----------
    module : torch.nn.Module
        Gives the outputs of a batch, one row for each sample, each by its own input alone: dropout and batch norms are in evaluation mode.
        A search for a minimum starts at its parameters. Those with ``requires_grad=False`` stay as they are.
    inputs : tensor, array or iterable of batches
        The inputs of all `N` samples along the first axis; or, without `targets`, an iterable of batches ``(inputs, targets)`` such as a
        ``DataLoader``, which is gone through once, in its order: what it draws at random is drawn once for all.
    targets : tensor or array, optional
        Targets (`N × c`), or labels (`N`) with ``loss="cross-entropy"``; with a function of your own whatever it takes, along the first
        axis. Default: those of the batches.
    loss : str, torch.nn.Module or callable, default "mean-square"
        The loss of a sample: ``"mean-square"``, ``½‖f − y‖²``, of which ``nn.MSELoss()`` is ``2/c`` times as much; ``"cross-entropy"`` of
        softmax; ``"logistic"``, summed over outputs; or ``"huber"``. Or a loss of PyTorch that is the same number; or a function
        ``loss(f, y)`` of the outputs and the target of one sample, convex in the outputs, with which the module is called.
    by : {"auto", "translation", "calls"}, default "auto"
        Whether the module has to be translated, or called; by default it is translated where that gives the same outputs, loss and
        gradient.
    smooth : bool, optional
        Whether the gradient is continuous in the parameters, for a module that is called. Default: whether none of its operations is
        known for a kink.

    Returns
    -------
    Problem
        Its parameters are a ``state_dict``: `Problem.restore` makes one with all buffers, and `Problem.at` takes one, or a module.

    Raises
    ------
    ModelError
        If the model or its data cannot be used; or if it cannot be translated, with ``by="translation"``.
    """
    if by not in ("auto", "translation", "calls"):
        raise ModelError(f"by: there is no way {by!r}", "give 'auto', 'translation' or 'calls'")
    device = _torch_traps.require_module(module)
    parameters = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    inputs, targets = _batches(inputs) if targets is None else (inputs, targets)
    drawn = _torch_traps.inputs(inputs, device)
    copy = _torch_traps.copied(module)
    calls = Calls(copy, list(parameters), drawn)
    _torch_traps.require_call(calls.outputs, drawn)

    def outputs(chosen: Any) -> torch.Tensor:
        return calls.outputs(torch.tensor(chosen, device=device)).detach().cpu()

    count = _model.require_outputs(outputs, len(drawn), 1e-9)
    form = _Form(module, list(parameters))
    if callable(loss) and not isinstance(loss, (torch.nn.Module, type)):
        name, classes, constant, why = None, None, None, "the loss is one of its own"
        own = Own(loss, calls.outputs(slice(0, 1)).shape[1:])
        calls.take(_torch_traps.own_targets(targets, len(drawn), device), own, count)
        few = calls.outputs(slice(0, 2)).detach()
        _torch_traps.require_loss(own, few.reshape(len(few), -1), calls.targets(slice(0, 2)))
        if by == "translation":
            raise ModelError(f"module: it cannot be translated: {why}", "by='auto' or by='calls' has PyTorch compute")
    else:
        name, why = loss_name(loss, count), None
        rows, classes = _model.targets(_torch_traps.targets(targets), len(drawn), count, name)
        constant = _model.constant_loss(rows, name)
        calls.take(torch.tensor(rows), name, count)

    if by != "calls" and name is not None:
        try:
            return form.problem(translated(copy, drawn, rows, name, calls), "logscape", None)
        except Untranslatable as error:
            if by == "translation":
                hint = "by='auto' or by='calls' has PyTorch compute"
                raise ModelError(f"module: it cannot be translated: {error}", hint) from error
            why = str(error)
    facts = Facts(
        dim=calls.dim,
        samples=len(drawn),
        outputs=count,
        smooth=calls.is_smooth() if smooth is None else smooth,
        parameters=[(name, list(parameter.shape)) for name, parameter in parameters.items()],
        classes=classes,
        constant_loss=constant,
        samples_at_once=calls.samples_at_once,
        replicas_at_once=calls.replicas_at_once,
        steps_at_once=STEPS,
    )
    return form.problem(_lib.outside(facts, name, Wire(calls, calls.dim), calls.start.tobytes()), "PyTorch", why)


def _batches(batches: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of an iterable of both."""
    if isinstance(batches, torch.utils.data.Dataset):
        raise ModelError("inputs: a data set, which has no batches", "give DataLoader(dataset, batch_size=256)")
    if isinstance(batches, (torch.Tensor, np.ndarray)) or not isinstance(batches, Iterable):
        raise ModelError("targets: there are none", "give targets, or batches of (inputs, targets) such as a DataLoader")
    drawn = []
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ModelError("inputs: a batch that is not a pair", "let each batch be (inputs, targets)")
        drawn.append([torch.as_tensor(part) for part in batch])
    if not drawn:
        raise ModelError("inputs: there are no batches")
    return torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])


class _Form:
    """Parameters in the form that a module has them: a ``state_dict``."""

    def __init__(self, module: torch.nn.Module, names: list[str]) -> None:
        self._state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        shared = {id(parameter): name for name, parameter in module.named_parameters()}
        everywhere = module.named_parameters(remove_duplicate=False)
        # The name in the problem of each tensor that is a parameter of it.
        own = {name: shared[id(parameter)] for name, parameter in everywhere}
        self._own = {name: first for name, first in own.items() if first in names}

    def problem(self, inner: _lib.Model, how: str, why: str | None) -> Problem:
        order = [name for name, _ in inner.names()]
        return Problem(inner, how, self._flatten(order), self._unflatten, why, others=self._others())

    def _others(self) -> Others:
        """What a file of the module's ``state_dict`` holds beside the parameters of the problem."""
        rest = {name: tensor for name, tensor in self._state.items() if name not in self._own}
        real = {name: tensor for name, tensor in rest.items() if tensor.is_floating_point()}
        return Others(
            fixed=[(name, list(tensor.shape), _double(tensor).tobytes()) for name, tensor in real.items()],
            tied=[(name, first) for name, first in self._own.items() if name != first],
            ignored=[name for name in rest if name not in real],
        )

    def _flatten(self, order: list[str]) -> Callable[[Any], Numbers]:
        def flatten(parameters: Any) -> Numbers:
            if isinstance(parameters, torch.Tensor):
                return _double(parameters)
            state = parameters.state_dict() if isinstance(parameters, torch.nn.Module) else parameters
            if not isinstance(state, Mapping):
                raise ModelError(f"parameters: a {type(parameters).__name__}", "give a state_dict, a module, or a flat vector")
            self._require(state)
            return np.concatenate([_double(state[name]).reshape(-1) for name in order])

        return flatten

    def _require(self, state: Mapping[str, Any]) -> None:
        for name, own in self._state.items():
            if name not in state:
                raise ModelError(f"parameters: `{name}` is missing", "give the state_dict of this module")
            given = torch.as_tensor(state[name]).detach().cpu()
            if given.shape != own.shape:
                raise ModelError(f"parameters: `{name}` has the shape {tuple(given.shape)}, not {tuple(own.shape)}")
            if name in self._own:
                if not given.isfinite().all():
                    raise ModelError(f"parameters: `{name}` has a number that is not finite")
                if not torch.equal(given, torch.as_tensor(state[self._own[name]]).detach().cpu()):
                    raise ModelError(f"parameters: `{name}` and `{self._own[name]}`, which are one, have two values")
            elif not _counts(name) and not torch.equal(given.to(own.dtype), own.cpu()):
                raise ModelError(
                    f"parameters: `{name}`, which is no parameter of the problem, has other numbers than in it",
                    "make a problem of this module instead",
                )

    def _unflatten(self, weights: Mapping[str, Numbers]) -> dict[str, torch.Tensor]:
        state = {name: tensor.clone() for name, tensor in self._state.items()}
        for name, first in self._own.items():
            state[name].copy_(torch.tensor(weights[first]))
        return state


def _counts(name: str) -> bool:
    """Whether a buffer counts batches, which nothing is computed with."""
    return name.endswith("num_batches_tracked")


def _double(tensor: Any) -> Numbers:
    made: Numbers = torch.as_tensor(tensor).detach().to("cpu", torch.float64).numpy()
    return made

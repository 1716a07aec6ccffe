"""Losses of PyTorch that are those of logscape."""

from __future__ import annotations

from typing import Any

import torch

from ._errors import ModelError
from ._model import loss_name as named

_NAMES = "'mean-square', 'cross-entropy', 'logistic' or 'huber'"


def loss_name(loss: Any, outputs: int) -> str:
    """The name of a loss, which may be a module that gives the same number of so many outputs.

    Raises
    ------
    ModelError
        If there is none.
    """
    if isinstance(loss, str):
        return named(loss)
    kind = type(loss)
    if not isinstance(loss, torch.nn.Module):
        raise ModelError(f"loss: {loss!r} is no name", f"give {_NAMES}")
    if kind not in _KINDS:
        raise ModelError(f"loss: {kind.__name__} is none of logscape", f"give {_NAMES}")
    name, over_outputs = _KINDS[kind]
    own = dict(_options(kind()), reduction="mean")
    given = _options(loss)
    # With a slope of one beyond a distance of one, they are the same.
    for option in own:
        if not _same(given[option], own[option]):
            hint = f"leave it out; or give loss={name!r}, if that is what you mean"
            raise ModelError(f"loss: {kind.__name__} with {option}={given[option]!r} is none of logscape", hint)
    if over_outputs and (kind is torch.nn.MSELoss or outputs > 1):
        factor = "2/c" if kind is torch.nn.MSELoss else "1/c"
        number = (2 if kind is torch.nn.MSELoss else 1) / outputs
        raise ModelError(
            f"loss: {kind.__name__} is the mean over outputs, {factor} = {number:g} times the sum that logscape has",
            f"give loss={name!r} and learning rates {number:g} times as large: the steps are the same",
        )
    return name


# Losses by their kinds, and whether a mean over the outputs is taken.
_KINDS: dict[type[Any], tuple[str, bool]] = {
    torch.nn.MSELoss: ("mean-square", True),
    torch.nn.CrossEntropyLoss: ("cross-entropy", False),
    torch.nn.BCEWithLogitsLoss: ("logistic", True),
    torch.nn.HuberLoss: ("huber", True),
    torch.nn.SmoothL1Loss: ("huber", True),
}


def _options(loss: torch.nn.Module) -> dict[str, Any]:
    known = ("reduction", "weight", "pos_weight", "ignore_index", "label_smoothing", "delta", "beta")
    return {name: getattr(loss, name) for name in known if hasattr(loss, name)}


def _same(given: Any, own: Any) -> bool:
    return not isinstance(given, torch.Tensor) and bool(given == own)

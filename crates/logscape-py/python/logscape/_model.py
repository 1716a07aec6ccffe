"""What is asked of every model, of whatever library, before any work: data that fit, and outputs that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._calls import Numbers
from ._errors import ModelError

LossName = Literal["mean-square", "cross-entropy", "logistic", "huber", "mse", "bce"]

# Names that others use.
_ALIASES = {"mse": "mean-square", "bce": "logistic"}
_LOSSES = ("mean-square", "cross-entropy", "logistic", "huber")

# Samples whose outputs are looked at.
_LOOKED_AT = 8


def loss_name(loss: str) -> str:
    """The name of a loss.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    name = _ALIASES.get(loss, loss)
    if name not in _LOSSES:
        raise ModelError(f"there is no loss {loss!r}", f"give one of {', '.join(_LOSSES)}")
    return name


def targets(given: Any, samples: int, outputs: int, loss: str) -> tuple[Numbers, list[int] | None]:
    """Targets (`N × c`) and, where these are classes, the class of each sample.

    Raises
    ------
    ModelError
        If they do not fit the outputs or the loss.
    """
    array = np.asarray(given)
    if array.ndim == 0 or len(array) != samples:
        found = len(array) if array.ndim else "no"
        raise ModelError(f"targets: {found} rows for {samples} inputs", "give one row for each input")
    labels = array.ndim == 1 and np.issubdtype(array.dtype, np.integer)
    if labels and loss == "cross-entropy":
        if array.min() < 0 or array.max() >= outputs:
            worst = array.min() if array.min() < 0 else array.max()
            raise ModelError(f"targets: the label {worst} for {outputs} outputs", f"give labels from 0 to {outputs - 1}")
        return np.eye(outputs)[array], [int(label) for label in array]
    rows = array.reshape(samples, -1).astype(np.float64)
    if rows.shape[1] != outputs:
        hint = "labels need loss='cross-entropy'; for another loss give one_hot rows" if labels else None
        if loss == "cross-entropy" and rows.shape[1] == 1:
            hint = "give labels as one row of whole numbers, or a row of probabilities for each sample"
        raise ModelError(f"targets: {rows.shape[1]} numbers for each sample, but the model has {outputs} outputs", hint)
    if not np.isfinite(rows).all():
        raise ModelError(f"targets: row {_first(~np.isfinite(rows).all(axis=1))} has a number that is not finite")
    if loss in ("cross-entropy", "logistic") and (rows.min() < 0 or rows.max() > 1):
        raise ModelError(f"targets: {loss} needs numbers from 0 to 1", "give labels, or probabilities")
    if loss == "cross-entropy" and np.abs(rows.sum(axis=1) - 1).max() > 1e-6:
        raise ModelError("targets: cross-entropy needs rows that add up to 1", "give labels, or probabilities")
    return rows, _classes(rows, loss)


def _classes(rows: Numbers, loss: str) -> list[int] | None:
    """The class of each sample, where one of several targets is 1 and the others are 0; or, of a single output with the logistic loss,
    each is 0 or 1."""
    if not np.isin(rows, (0.0, 1.0)).all():
        return None
    if rows.shape[1] == 1:
        return [int(label) for label in rows[:, 0]] if loss == "logistic" else None
    return [int(label) for label in rows.argmax(axis=1)] if (rows.sum(axis=1) == 1).all() else None


def right(outputs: Numbers, rows: Numbers) -> int:
    """How many samples have the largest output at their class, alone; a single output above zero says 1."""
    if rows.shape[1] == 1:
        return int(((outputs > 0) == (rows == 1)).sum())
    own = outputs[rows == 1]
    return int((own > np.where(rows == 1, -np.inf, outputs).max(axis=1)).sum())


def constant_loss(rows: Numbers, loss: str) -> float | None:
    """``½ Σ_k Var(y_k)``, with the mean square."""
    return float(0.5 * rows.var(axis=0).sum()) if loss == "mean-square" else None


def require_outputs(outputs: Callable[[NDArray[np.int64]], Any], samples: int, tolerance: float) -> int:
    """The number of outputs of a sample, by `outputs` of samples by their numbers.

    Raises
    ------
    ModelError
        If they are not a row for each sample, not finite, change from call to call, or depend on the other samples of a batch.
    """
    few = np.arange(min(samples, _LOOKED_AT))
    first = np.asarray(outputs(few), dtype=np.float64)
    if first.ndim == 0 or len(first) != len(few):
        shape = "a single number" if first.ndim == 0 else f"the shape {first.shape}"
        raise ModelError(
            f"outputs: {len(few)} inputs give {shape}",
            "return one row of outputs for each input; the loss is not part of the model",
        )
    rows = first.reshape(len(few), -1)
    if not np.isfinite(rows).all():
        place = _first(~np.isfinite(rows).all(axis=1))
        raise ModelError(f"outputs: those of sample {place} are not finite", "look at the parameters and the inputs")
    again = np.asarray(outputs(few), dtype=np.float64).reshape(rows.shape)
    if not np.array_equal(rows, again):
        raise ModelError(
            "outputs: they change from call to call",
            "switch off dropout and random augmentation: draw random inputs once, and give these",
        )
    alone = np.concatenate([np.asarray(outputs(few[k : k + 1]), dtype=np.float64).reshape(1, -1) for k in few])
    if np.abs(alone - rows).max() > tolerance * max(np.abs(rows).max(), 1.0):
        raise ModelError(
            "outputs: those of a sample depend on the others of its batch",
            "normalise by fixed statistics: a batch norm in evaluation mode",
        )
    return rows.shape[1]


def _first(wrong: Any) -> int:
    return int(np.flatnonzero(wrong)[0])

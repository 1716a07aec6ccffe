"""Modules and data that cannot be used are refused before any work, with what mends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import logscape
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import logscape.torch
from torch import nn

X, Y = torch.linspace(-1, 1, 45).view(9, 5), torch.linspace(0, 1, 27).view(9, 3)
LABELS = torch.arange(9) % 3


def layers(*more: Any) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), *more, nn.Linear(4, 3))


def changed(**state: Any) -> Any:
    """A module with other numbers in its first layer."""
    made = layers()
    for name, value in state.items():
        setattr(made[0], name, nn.Parameter(value))
    return made


class Returns(nn.Module):
    """A module that returns something else than its outputs."""

    def __init__(self, of: Callable[[Any], Any]) -> None:
        super().__init__()
        self.layer, self.of = nn.Linear(5, 3), of

    def forward(self, x: Any) -> Any:
        return self.of(self.layer(x))


class Attention(nn.MultiheadAttention):
    def forward(self, x: Any) -> Any:
        return super().forward(x[:, None], x[:, None], x[:, None], need_weights=False)[0][:, 0]


def never() -> Any:
    made = layers()
    return made.requires_grad_(False)


MODULES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "compiled": (lambda: torch.compile(layers()), "it is compiled", "module._orig_mod"),
    "compiled layer": (lambda: layers(torch.compile(nn.Linear(4, 4))), "`1` is compiled", "module._orig_mod"),
    "script": (lambda: torch.jit.script(layers()), "it is a script", "the module that it was made of"),
    "parallel": (lambda: nn.DataParallel(layers()), "several devices", "module.module"),
    "no module": (lambda: torch.tanh, "a builtin_function_or_method", "torch.nn.Module"),
    "dropout": (lambda: layers(nn.Dropout(0.1)), "`1` drops out", "module.eval()"),
    "dropout of attention": (lambda: Attention(5, 1, dropout=0.5), "change from call to call", "dropout"),
    "batch norm": (lambda: layers(nn.BatchNorm1d(4)), "`1` normalises by the batch", "module.eval()"),
    "no statistics": (
        lambda: layers(nn.BatchNorm1d(4, track_running_stats=False)).eval(),
        "`1` normalises by the batch, and has no running statistics",
        "track_running_stats=True",
    ),
    "no parameters": (lambda: nn.Tanh(), "there are no parameters", ""),
    "no gradients": (never, "all parameters have requires_grad=False", "requires_grad_()"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(3)), "`0.weight` has no shape", "once on a batch"),
    "meta": (lambda: layers().to("meta"), "`0.weight` is on the device meta", "to_empty"),
    "half": (lambda: layers().half(), "`0.weight` is of torch.float16", "float32"),
    "bfloat16": (lambda: changed(bias=torch.zeros(4, dtype=torch.bfloat16)), "`0.bias` is of torch.bfloat16", "float32"),
    "complex": (lambda: changed(weight=torch.ones(4, 5, dtype=torch.complex64)), "`0.weight` is of torch.complex64", "real"),
    "not finite": (lambda: changed(bias=torch.tensor([0.0, torch.nan, 0.0, 0.0])), "`0.bias` has a number that is not finite", ""),
    "tuple": (lambda: Returns(lambda f: (f, f)), "a tuple in place of a tensor", "outputs alone"),
    "dict": (lambda: Returns(lambda f: {"logits": f}), "a dict in place of a tensor", "outputs alone"),
    "one number": (lambda: Returns(torch.sum), "a single number", "the loss is not part of the model"),
    "overflow": (lambda: Returns(lambda f: f / 0), "not finite", ""),
    "single precision": (lambda: Returns(lambda f: f.float()), "of torch.float32", "precision"),
    "own precision": (lambda: Returns(lambda f: f @ torch.ones(3, 3)), "fails on inputs of the shape", "dtype of its inputs"),
    "random": (lambda: Returns(lambda f: f + torch.rand(3)), "change from call to call", "random"),
    "whole batch": (lambda: Returns(lambda f: f - f.mean(dim=0)), "depend on the others of its batch", "evaluation mode"),
    "detached": (lambda: Returns(lambda f: f.detach()), "no derivatives in the parameters", "torch.no_grad"),
    "other inputs": (lambda: nn.Linear(6, 3), r"fails on inputs of the shape \(9, 5\)", ""),
    "a tensor of its own": (lambda: with_tensor(), "it cannot be copied", "parameters and buffers"),
}


def with_tensor() -> Any:
    made = layers()
    made.kept = made[0].weight * 2
    return made


@pytest.mark.parametrize("name", MODULES)
def test_modules_that_cannot_be_used_are_refused(name: str) -> None:
    make, message, hint = MODULES[name]
    with pytest.raises(logscape.ModelError, match=message) as caught:
        logscape.torch.problem(make(), X, Y)
    assert hint in (caught.value.hint or "") and hint in str(caught.value)


DATA: dict[str, tuple[dict[str, Any], str, str]] = {
    "no targets": ({"targets": None}, "targets: there are none", "DataLoader"),
    "fewer targets": ({"targets": Y[:8]}, "targets: 8 rows for 9 inputs", "one row for each"),
    "narrow targets": ({"targets": Y[:, :2]}, "targets: 2 numbers for each sample, but the model has 3 outputs", ""),
    "labels of a square": ({"targets": LABELS}, "targets: 1 numbers", "cross-entropy"),
    "labels as numbers": ({"targets": LABELS.float(), "loss": "cross-entropy"}, "targets: 1 numbers", "whole numbers"),
    "labels in a column": ({"targets": LABELS[:, None], "loss": "cross-entropy"}, "targets: 1 numbers", "whole numbers"),
    "label too large": ({"targets": LABELS + 1, "loss": "cross-entropy"}, "the label 3 for 3 outputs", "from 0 to 2"),
    "ignored label": ({"targets": LABELS - 100, "loss": "cross-entropy"}, "the label -100", "from 0 to 2"),
    "no probabilities": ({"targets": 2 * Y, "loss": "logistic"}, "numbers from 0 to 1", ""),
    "targets not finite": ({"targets": Y / 0}, "targets: row 0", ""),
    "targets complex": ({"targets": Y * 1j}, "targets: they are of torch.complex64", "real"),
    "inputs not finite": ({"inputs": X.log()}, "inputs: row 0 has a number that is not finite", ""),
    "inputs complex": ({"inputs": X * 1j}, "inputs: they are of torch.complex64", "view_as_real"),
    "inputs elsewhere": ({"inputs": X.to("meta")}, "they are on meta, but the module is on cpu", "inputs.to('cpu')"),
    "no inputs": ({"inputs": X[:0], "targets": Y[:0]}, "there are no samples", ""),
    "no batches": ({"inputs": [], "targets": None}, "there are no batches", ""),
    "single batches": ({"inputs": [X], "targets": None}, "a batch that is not a pair", "(inputs, targets)"),
    "data set": ({"inputs": torch.utils.data.TensorDataset(X, Y), "targets": None}, "a data set", "DataLoader(dataset"),
    "no loss": ({"loss": "hinge"}, "there is no loss 'hinge'", "cross-entropy"),
    "loss as a number": ({"loss": 3.0}, "is no name", "'mean-square'"),
    "unknown loss": ({"loss": nn.L1Loss()}, "L1Loss is none of logscape", "'mean-square'"),
    "mean square": ({"loss": nn.MSELoss()}, "2/c = 0.666667 times", "learning rates 0.666667 times as large"),
    "mean of logistic": ({"loss": nn.BCEWithLogitsLoss()}, "1/c = 0.333333 times", "loss='logistic'"),
    "sum": ({"loss": nn.CrossEntropyLoss(reduction="sum")}, "reduction='sum'", "leave it out"),
    "smoothed": ({"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, "label_smoothing=0.1", "leave it out"),
    "weighted": ({"loss": nn.CrossEntropyLoss(weight=torch.ones(3))}, "with weight", "leave it out"),
    "other bend": ({"loss": nn.HuberLoss(delta=2.0)}, "delta=2.0", "leave it out"),
    "no way": ({"by": "magic"}, "there is no way 'magic'", "'translation'"),
}


@pytest.mark.parametrize("name", DATA)
def test_data_and_losses_that_cannot_be_used_are_refused(name: str) -> None:
    given, message, hint = DATA[name]
    with pytest.raises(logscape.ModelError, match=message) as caught:
        logscape.torch.problem(layers(), **{"inputs": X, "targets": Y, **given})
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("kind", [torch.int32, torch.int64, torch.uint8])
def test_labels_are_whole_numbers_of_any_kind(kind: Any) -> None:
    problem = logscape.torch.problem(layers(), X, LABELS.to(kind), loss="cross-entropy")
    rows = torch.nn.functional.one_hot(LABELS, 3)
    assert problem.loss() == logscape.torch.problem(layers(), X.numpy(), rows.numpy(), loss="cross-entropy").loss()


def test_dropout_that_is_off_is_none() -> None:
    expected = logscape.torch.problem(layers(), X, Y).loss()
    for module in (layers(nn.Dropout(0.5)).eval(), layers(nn.Dropout(0.0))):
        assert logscape.torch.problem(module, X, Y, by="translation").loss() == expected


def test_parameters_that_do_not_fit_are_refused() -> None:
    problem = logscape.torch.problem(layers(), X, Y)
    with pytest.raises(logscape.ModelError, match="`0.weight` has the shape"):
        problem.at(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3)))
    with pytest.raises(logscape.ModelError, match="a list"):
        problem.at([torch.zeros(2)])
    # A list of numbers is a flat vector.
    with pytest.raises(ValueError, match="the problem has 39"):
        problem.at([1.0, 2.0])
    with pytest.raises(logscape.ModelError, match="`0.bias` has a number that is not finite"):
        problem.at(changed(bias=torch.full((4,), torch.inf)))
    with pytest.raises(ValueError, match="the problem has 39"):
        problem.at(np.zeros(3))

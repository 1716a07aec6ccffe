"""Modules of PyTorch that add branches: which of them are translated, and that the network is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import logscape
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import logscape.torch
import torch.nn.functional as F
from test_torch import IMAGES, LOSSES, Own, require_translated, seed, targets  # noqa: F401
from torch import nn


class Block(nn.Module):
    """A block of a ResNet, which changes the shape where its stride is not one."""

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: Any = None
        if stride != 1 or inputs != channels:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Any) -> Any:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


def moved(module: Any) -> Any:
    """In evaluation mode, with statistics of its own in the batch norms."""
    module.train()
    module(torch.randn(32, *IMAGES) + 0.5)
    return module.eval()


def residual_network() -> Any:
    """Three stages, of which two begin with half of the sides and twice the channels."""
    start = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()
    stages = (nn.Sequential(Block(a, b, stride), Block(b, b, 1)) for a, b, stride in ((4, 4, 1), (4, 8, 2), (8, 16, 2)))
    return moved(nn.Sequential(*start, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_block_that_changes_the_shape_is_translated(loss: str) -> None:
    module = moved(nn.Sequential(Block(2, 5, 2), nn.Flatten(), nn.Linear(80, 3)))
    problem = require_translated(module, torch.randn(7, *IMAGES), loss)
    names = ["0.conv1.weight", "0.bn1.weight", "0.bn1.bias", "0.conv2.weight", "0.bn2.weight", "0.bn2.bias"]
    shortcut = ["0.downsample.0.weight", "0.downsample.1.weight", "0.downsample.1.bias"]
    assert list(problem.names) == [*names, *shortcut, "2.weight", "2.bias"]


def test_a_whole_residual_network_is_translated() -> None:
    module, x = residual_network(), torch.randn(12, *IMAGES)
    require_translated(module, x, "cross-entropy")
    y = targets("cross-entropy", 12)
    own, called = (logscape.torch.problem(module, x, y, loss="cross-entropy", by=by) for by in ("translation", "calls"))
    assert own.names == called.names
    v = np.random.default_rng(1).standard_normal(own.parameters)
    for found, expected in zip(products(own, v), products(called, v)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def products(problem: Any, v: Any) -> Any:
    """With matrices that are made at once, each of which has a thread of its own and begins to work."""
    return [matrix @ v for matrix in (problem.hessian(), problem.gauss_newton(), problem.noise_covariance())]


class Sides(Own):
    """Another convolution beside the first."""

    def __init__(self, function: Callable[[Any, Any], Any], features: int) -> None:
        super().__init__(function, features)
        self.side = nn.Conv2d(2, 4, 1)


BRANCHES: dict[str, tuple[type[Own], Callable[[Any, Any], Any]]] = {
    "functions": (Own, lambda m, x: (lambda h: F.relu(h) + torch.tanh(h))(m.conv(x))),
    "three": (Own, lambda m, x: (lambda h: torch.tanh(h) + F.silu(h) + h)(m.conv(x))),
    "rows": (Own, lambda m, x: (lambda h: h.flatten(1) + torch.tanh(h).flatten(1))(m.conv(x))),
    "rows, swapped": (Own, lambda m, x: (lambda h: torch.tanh(h).flatten(1) + h.flatten(1))(m.conv(x))),
    "layers": (Sides, lambda m, x: torch.tanh(m.conv(x)) + F.silu(m.side(x))),
    "layers, swapped": (Sides, lambda m, x: torch.add(F.silu(m.side(x)), torch.tanh(m.conv(x)))),
    "nested": (Sides, lambda m, x: (lambda h: F.gelu(m.side(x)) + (F.silu(h) + torch.tanh(h)))(m.conv(x))),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_sums_of_branches_are_translated(name: str) -> None:
    kind, function = BRANCHES[name]
    require_translated(kind(lambda m, x: function(m, x).flatten(1), 256), torch.randn(7, *IMAGES))


def test_a_shortcut_that_does_nothing_is_the_input_itself() -> None:
    block = Block(2, 2, 1)
    block.downsample = nn.Sequential(nn.Identity())
    require_translated(moved(nn.Sequential(block, nn.Flatten(), nn.Linear(128, 3))), torch.randn(7, *IMAGES))


def crossed(m: Any, x: Any) -> Any:
    h = torch.tanh(m.conv(x))
    first, second = torch.sigmoid(h), F.silu(h)
    return (torch.tanh(first) + (first + torch.tanh(second))).flatten(1)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (crossed, "residual connections that cross"),
        (lambda m, x: (lambda h: (h + h).flatten(1))(m.conv(x)), "`residual` has no layers that compute"),
        (lambda m, x: (m.conv(x) + 1.0).flatten(1), "adds what is no output of a layer"),
    ],
)
def test_sums_that_no_network_has_are_called(function: Callable[[Any, Any], Any], why: str) -> None:
    problem = logscape.torch.problem(Own(function, 256).eval(), torch.randn(7, *IMAGES), torch.randn(7, 3))
    assert problem.computed_by == "PyTorch" and problem.why is not None and why in problem.why

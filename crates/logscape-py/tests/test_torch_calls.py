"""What is computed by calls of PyTorch, against derivatives by other means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest
from conftest import numbers

torch = pytest.importorskip("torch")

import logscape.torch
import torch.nn.functional as F
from logscape._torch_calls import Calls
from test_torch import LOSSES, Branches, mean_loss, perceptron, seed, targets  # noqa: F401
from torch import nn


def calls(module: Any, x: Any, y: Any, loss: str = "mean-square") -> Any:
    made = Calls(module.double(), [name for name, _ in module.named_parameters()], x.double())
    made.take(y.double(), loss, y.shape[1])
    return made


@pytest.mark.parametrize("loss", LOSSES)
def test_hessian_products_are_those_of_autograd(loss: str) -> None:
    module, x, y = perceptron(), torch.randn(9, 5), targets(loss, 9)
    named = dict(module.double().named_parameters())
    sizes = [parameter.numel() for parameter in named.values()]

    def of(theta: Any) -> Any:
        parts = [part.view(own.shape) for part, own in zip(theta.split(sizes), named.values())]
        return mean_loss(loss, torch.func.functional_call(module, dict(zip(named, parts)), (x.double(),)), y)

    rows = F.one_hot(y, 3) if loss == "cross-entropy" else y
    made = calls(module, x, rows, loss)
    expected = torch.autograd.functional.hessian(of, torch.tensor(made.start)).numpy()
    everything = slice(0, 9)
    found = np.array(made.hessian(made.start, np.eye(made.dim), everything))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    # Of a part of the samples, by numbers or as a range, and then of all again.
    part = made.hessian(made.start, np.eye(made.dim)[:2], np.array([3, 4, 5], dtype=np.uint32))
    np.testing.assert_allclose(part, made.hessian(made.start, np.eye(made.dim)[:2], slice(3, 6)), rtol=0, atol=1e-13)
    np.testing.assert_array_equal(made.hessian(made.start, np.eye(made.dim), everything), found)
    # Elsewhere, and back.
    assert not np.allclose(made.hessian(1.5 * made.start, np.eye(made.dim), everything), found)
    np.testing.assert_array_equal(made.hessian(made.start, np.eye(made.dim), everything), found)


@pytest.mark.parametrize("make", [perceptron, Branches])
def test_moments_of_jacobians_are_those_of_autograd(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = make().double(), torch.randn(9, 5).double()
    named = dict(module.named_parameters())

    def rows(*parts: Any) -> Any:
        return torch.func.functional_call(module, dict(zip(named, parts)), (x,))

    jacobian = torch.autograd.functional.jacobian(rows, tuple(named.values()))
    powers = torch.cat([part.flatten(2) for part in jacobian], dim=2).square().flatten(0, 1)
    made = calls(module, x, torch.randn(9, 3))
    # In parts of two samples.
    monkeypatch.setattr(made, "_numbers", 2 * 3 * made.dim)
    squares, fourths = made.jacobian_moments(made.start, slice(0, 9))
    np.testing.assert_allclose(squares, powers.sum(dim=0), rtol=1e-12)
    np.testing.assert_allclose(fourths, powers.square().sum(dim=0), rtol=1e-12)


# Dense layers and convolutions, with the shape of a sample: those of many places and few weights, and of few places and many weights.
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "dense": (perceptron, (5,)),
    "dense, of sequences": (
        lambda: nn.Sequential(nn.Linear(4, 40), nn.Tanh(), nn.Linear(40, 2, bias=False), nn.Flatten(), nn.Linear(6, 3)),
        (3, 4),
    ),
    "in place": (lambda: nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True), nn.Linear(4, 3)), (5,)),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, (3, 2), stride=(1, 2), padding=1),
            nn.Tanh(),
            nn.Conv2d(3, 30, 3, dilation=2, bias=False),
            nn.Flatten(),
            nn.Linear(60, 3),
        ),
        (2, 6, 8),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_norms_of_samples_gradients_without_the_gradients(name: str, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, shape = LAYERS[name]
    made = calls(make(), torch.randn(7, *shape), torch.softmax(torch.randn(7, 3), dim=1), loss)
    expected = np.square(made.sample_gradients(made.start, slice(0, 7))).sum(axis=1)

    def none(*given: Any) -> Any:
        raise AssertionError("gradients of samples")

    assert made._norms is not None
    # In parts of two samples.
    monkeypatch.setattr(made, "_numbers", 2 * made._norms.numbers)
    monkeypatch.setattr(made, "_each_gradient", none)
    np.testing.assert_allclose(made.gradient_squares(made.start, slice(0, 7)), expected, rtol=1e-12)
    np.testing.assert_allclose(made.gradient_squares(made.start, np.array([6, 1], dtype=np.uint32)), expected[[6, 1]], rtol=1e-12)


def again() -> Any:
    """A weight that its parent uses once more."""

    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 5)

        def forward(self, x: Any) -> Any:
            return nn.functional.linear(self.layer(x), self.layer.weight)[:, :3]

    return Again()


def twice() -> Any:
    layer = nn.Linear(5, 5)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(5, 3))


def folded() -> Any:
    """A layer with several rows of a sample along the first axis."""
    apart, together = (nn.Unflatten(1, (5, 1)), nn.Flatten(0, 1)), (nn.Unflatten(0, (-1, 5)), nn.Flatten())
    return nn.Sequential(*apart, nn.Linear(1, 2), *together, nn.Linear(10, 3))


@pytest.mark.parametrize("make", [again, twice, folded, lambda: nn.Sequential(nn.Linear(5, 3), nn.LayerNorm(3))])
def test_other_layers_and_uses_have_norms_by_the_gradients(make: Callable[[], Any]) -> None:
    made = calls(make(), torch.randn(7, 5), torch.randn(7, 3))
    assert made._norms is None
    expected = np.square(made.sample_gradients(made.start, slice(0, 7))).sum(axis=1)
    np.testing.assert_allclose(made.gradient_squares(made.start, slice(0, 7)), expected, rtol=1e-12)


def test_bits_of_products_and_of_replicas_do_not_depend_on_the_others() -> None:
    made = calls(perceptron(), torch.randn(50, 5), torch.randn(50, 3))
    generator = np.random.default_rng(1)
    vectors = generator.standard_normal((8, made.dim))
    many = made.hessian(made.start, vectors, slice(0, 50))
    for k, v in enumerate(vectors):
        np.testing.assert_array_equal(made.hessian(made.start, v[None], slice(0, 50))[0], many[k])
    thetas = made.start + 0.1 * generator.standard_normal((6, made.dim))
    batches = generator.integers(0, 50, (5, 6, 4)).astype(np.uint32)
    moved, bound = made.steps(thetas, batches, 0.1)
    assert np.abs(moved).max() <= bound < 1e3
    assert not made.steps(np.where(np.arange(6)[:, None] == 3, np.nan, thetas), batches, 0.1)[1] < 1e100
    for k in range(6):
        alone, _ = made.steps(thetas[k : k + 1], batches[:, k : k + 1], 0.1)
        np.testing.assert_array_equal(alone[0], moved[k])


def test_graphs_are_kept_within_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = calls(perceptron(), torch.randn(40, 5), torch.randn(40, 3))
    monkeypatch.setattr("logscape._torch_calls._KEPT", 25 * made._bytes)
    vector = np.ones((1, made.dim))
    products = [made.hessian(made.start, vector, slice(first, first + 10)) for first in range(0, 40, 10)]
    assert [start for _, start, _ in made._around[2]] == [0, 10]
    again = [made.hessian(made.start, vector, slice(first, first + 10)) for first in range(0, 40, 10)]
    np.testing.assert_array_equal(products, again)


def test_two_runs_of_one_module_at_once_come_to_the_same_bytes(tmp_path: Path) -> None:
    module, x, y = perceptron(), torch.randn(60, 5), torch.randn(60, 3)
    # Each knows of what its own runs have made alone.
    first, second, both = (logscape.torch.problem(module, x, y, by="calls") for _ in range(3))
    train = {"optimiser": "adam", "learning_rate": 0.01, "batch_size": 10, "epochs": 5}
    study = {
        "name": "both",
        "minimum": {"train": train, "search": False, "accept": True},
        "sgd": {"learning_rate": 0.05, "batch_size": 2},
        "stationary": {"replicas": 4, "burn_in": 10, "steps": 40},
    }

    def start(name: str, problem: logscape.Problem, seed: int) -> logscape.Run:
        return logscape.run(study, problem=problem, to=tmp_path / name, seed=seed, threads=1, blocking=False)

    alone = [numbers(start(f"alone-{seed}", problem, seed).result()) for seed, problem in ((1, first), (2, second))]
    runs = [start(f"at-once-{seed}", both, seed) for seed in (1, 2)]
    assert [numbers(run.result()) for run in runs] == alone
    assert alone[0] != alone[1]

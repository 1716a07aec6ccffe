"""Modules of PyTorch as problems: what they are translated to, what is computed by calls, and that both are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import logscape.torch
import torch.nn.functional as F
from logscape._torch_calls import Calls
from torch import nn

LOSSES = ("mean-square", "cross-entropy", "logistic", "huber")
IMAGES = (2, 8, 8)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(3)


def targets(loss: str, samples: int, outputs: int = 3) -> Any:
    labels = torch.randint(0, outputs, (samples,))
    if loss == "cross-entropy":
        return labels
    # Of the Huber loss some are on either side of its bend.
    return F.one_hot(labels, outputs).float() if loss == "logistic" else 2 * torch.randn(samples, outputs)


def mean_loss(name: str, f: Any, y: Any) -> Any:
    """The losses as PyTorch has them."""
    if name == "mean-square":
        return f.shape[1] / 2 * F.mse_loss(f, y.double())
    if name == "cross-entropy":
        return F.cross_entropy(f, y)
    kind = F.binary_cross_entropy_with_logits if name == "logistic" else F.huber_loss
    return kind(f, y.double(), reduction="sum") / len(f)


class Own(nn.Module):
    """An image through layers as a function has them, and a linear layer."""

    def __init__(self, function: Callable[[Any, Any], Any], features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(features, 3)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.last(self.function(self, x))


class Attention(nn.Module):
    """One head, and a layer norm around it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 6)
        self.query, self.key, self.value = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.norm = nn.LayerNorm(6)
        self.last = nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        x = self.embed(x)
        weights = torch.softmax(self.query(x) @ self.key(x).transpose(-1, -2) / 6**0.5, dim=-1)
        return self.last(self.norm(x + weights @ self.value(x)).mean(dim=1))


def perceptron() -> Any:
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Sequential(nn.Linear(6, 4), nn.GELU()), nn.Linear(4, 3))


def pooled() -> Any:
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2), nn.ReLU()
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 3))


def normalised() -> Any:
    """A batch norm with statistics, in evaluation mode."""
    made = nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.BatchNorm2d(4), nn.Softplus(), nn.Flatten(), nn.Linear(36, 3))
    made(torch.randn(16, *IMAGES) + 1)
    return made.eval()


def branched(module: Any, x: Any) -> Any:
    x = module.conv(x)
    return (F.relu(x) + x).reshape(x.size(0), -1)


FUNCTIONS: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "relu": (lambda m, x: torch.flatten(F.relu(m.conv(x)), 1), 256),
    "method": (lambda m, x: m.conv(x).relu().flatten(1), 256),
    "view": (lambda m, x: torch.tanh(m.conv(x)).view(x.size(0), -1), 256),
    "residual": (branched, 256),
    "residual, swapped": (lambda m, x: (lambda h: torch.flatten(h + torch.sigmoid(h), 1))(m.conv(x)), 256),
    "nested": (lambda m, x: (lambda h: (h + F.silu(h + torch.tanh(h))).flatten(1))(m.conv(x)), 256),
    "max pool": (lambda m, x: F.max_pool2d(m.conv(x), 3, 2, 1).flatten(1), 64),
    "average pool": (lambda m, x: F.avg_pool2d(input=F.leaky_relu(m.conv(x)), kernel_size=2).flatten(1), 64),
    "adaptive pool": (lambda m, x: F.adaptive_avg_pool2d(F.gelu(m.conv(x), approximate="tanh"), 1).flatten(1), 4),
    "mean": (lambda m, x: F.softplus(m.conv(x)).mean(dim=(2, 3)), 4),
    "dropout": (lambda m, x: m.drop(F.dropout(m.conv(x), 0.3, training=m.training)).flatten(1), 256),
}

SEQUENCES: dict[str, Callable[[], Any]] = {
    "perceptron": lambda: nn.Sequential(nn.Flatten(), nn.Linear(128, 5), *perceptron()),
    "pooled": pooled,
    "normalised": normalised,
    "group norm": lambda: nn.Sequential(nn.GroupNorm(2, 2), nn.AvgPool2d(2), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 3)),
    "same": lambda: nn.Sequential(nn.Conv2d(2, 3, 5, padding="same"), nn.LeakyReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)),
    "no biases": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(108, 3, bias=False)),
    "sides": lambda: nn.Sequential(nn.Conv2d(2, 3, (3, 2), dilation=(1, 2)), nn.MaxPool2d((2, 3)), nn.Flatten(), nn.Linear(18, 3)),
    "other constants": lambda: nn.Sequential(
        nn.BatchNorm2d(2, eps=1e-2, affine=False), nn.LeakyReLU(0.2), nn.Flatten(), nn.LayerNorm(128, eps=1e-3), nn.Linear(128, 3)
    ),
    "gains": lambda: nn.Sequential(
        nn.GroupNorm(2, 2, bias=False), nn.BatchNorm2d(2, bias=False), nn.Flatten(), nn.LayerNorm(128, bias=False), nn.Linear(128, 3)
    ),
    "nothing": lambda: nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(128, 4), nn.Sigmoid(), nn.Dropout(0.2), nn.Linear(4, 3)).eval(),
}


def require_translated(module: Any, x: Any, loss: str = "mean-square") -> Any:
    """It has the names, loss and gradient of the module."""
    module, y = module.eval(), targets(loss, len(x))
    problem = logscape.torch.problem(module, x, y, loss=loss, by="translation")
    assert problem.computed_by == "logscape" and problem.why is None
    named = dict(module.double().named_parameters())
    assert problem.names == {name: parameter.numel() for name, parameter in named.items()}
    expected = mean_loss(loss, module(x.double()), y)
    gradient = torch.cat([part.reshape(-1) for part in torch.autograd.grad(expected, [named[name] for name in problem.names])])
    assert problem.loss() == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(problem.gradient(), gradient.numpy(), rtol=0, atol=1e-12 * gradient.abs().max().item())
    return problem


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_translated(name: str) -> None:
    require_translated(Own(*FUNCTIONS[name]), torch.randn(7, *IMAGES))


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("loss", LOSSES)
def test_sequences_are_translated(name: str, loss: str) -> None:
    require_translated(SEQUENCES[name](), torch.randn(7, *IMAGES), loss)


def test_images_that_come_as_rows_are_translated() -> None:
    require_translated(nn.Sequential(nn.Unflatten(1, IMAGES), *pooled()), torch.randn(7, 128))

    class Rows(Own):
        def forward(self, x: Any) -> Any:
            return super().forward(x.view(x.size(0), *IMAGES))

    require_translated(Rows(*FUNCTIONS["view"]), torch.randn(7, 128))


def test_arguments_that_are_not_given_have_their_defaults() -> None:
    class Masked(Own):
        def forward(self, x: Any, mask: Any = None, times: float = 2.0, *, scaled: bool = False) -> Any:
            return super().forward(x if mask is None and not scaled else times * x)

    require_translated(Masked(*FUNCTIONS["relu"]), torch.randn(7, *IMAGES))


def test_parameters_are_found_by_name_and_not_by_place() -> None:
    class Swapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Linear(4, 3), nn.Linear(5, 4)

        def forward(self, x: Any) -> Any:
            return self.last(torch.tanh(self.first(x)))

    module, x, y = Swapped(), torch.randn(9, 5), torch.randn(9, 3)
    own, called = (logscape.torch.problem(module, x, y, by=by) for by in ("translation", "calls"))
    assert list(own.names) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert list(called.names) == ["last.weight", "last.bias", "first.weight", "first.bias"]
    np.testing.assert_allclose(own.gradient(), np.roll(called.gradient(), 24), rtol=0, atol=1e-14)
    for problem in (own, called):
        np.testing.assert_array_equal(problem.at(module).start, problem.start)


@pytest.mark.parametrize("by", ["translation", "calls"])
def test_parameters_that_need_no_gradient_stay_as_they_are(by: Any, tmp_path: Path) -> None:
    module, x, y = regression()
    module[0].requires_grad_(False)
    problem = logscape.torch.problem(module, x, y, by=by)
    assert problem.names == {"2.weight": 2, "2.bias": 1} and problem.parameters == 3
    assert problem.check() == []
    # What is left is linear, and its minimum the solution of least squares.
    record = logscape.run({key: STUDY[key] for key in ("name", "sgd")}, problem=problem, to=tmp_path / "record", progress=False)
    state = problem.restore(record)
    assert torch.equal(state["0.weight"], module[0].weight) and torch.equal(state["0.bias"], module[0].bias)
    features = torch.cat([module[:2](x), torch.ones(len(x), 1)], dim=1).double()
    expected = torch.linalg.lstsq(features, y.double()).solution[:, 0]
    found = torch.cat([state["2.weight"][0], state["2.bias"]])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(problem.at(module).start, problem.start)


class Two(nn.Module):
    """What no network has: a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.layer = nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        return self.scale * self.layer(x)


class Several(nn.Module):
    """A module of any number of inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, *x: Any) -> Any:
        return self.layer(x[0])


class Hooked(nn.Linear):
    """A layer of its own kind."""

    def forward(self, x: Any) -> Any:
        return super().forward(x).sin()


def hooked() -> Any:
    """A layer whose outputs are changed where its kind does not show it."""
    made = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    made[0].register_forward_hook(lambda module, inputs, outputs: 1.000001 * outputs)
    return made


def tied() -> Any:
    made = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 3))
    made[2].weight = made[0].weight
    return made


def unused() -> Any:
    made = perceptron()
    made.register_parameter("spare", nn.Parameter(torch.ones(2)))
    return made


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Two, "`mul` is an operation"),
        (Several, "`_x` is not one tensor"),
        (lambda: nn.Sequential(Hooked(5, 3)), "`sin` is an operation"),
        (lambda: nn.Sequential(nn.Linear(5, 3), nn.ELU()), "`1` is ELU"),
        (lambda: nn.Sequential(nn.Linear(5, 3), nn.Softplus(beta=2)), "`1` has beta=2"),
        (hooked, "the network of its layers is off in the outputs, by [0-9.]*e-0[67] of its size"),
        (tied, "`0.weight` and `2.weight` are one parameter"),
        (unused, "`spare` takes no part"),
    ],
)
def test_what_is_not_translated_says_why_and_is_called(make: Callable[[], Any], why: str) -> None:
    x, y = torch.randn(9, 5), torch.randn(9, 3)
    module = make()
    with pytest.raises(logscape.ModelError, match=why):
        logscape.torch.problem(module, x, y, by="translation")
    problem = logscape.torch.problem(module, x, y)
    assert problem.computed_by == "PyTorch" and problem.why is not None and problem.why in repr(problem)
    assert problem.check() == []
    asked = [parameter for parameter in module.parameters() if parameter.requires_grad]
    assert problem.parameters == sum(parameter.numel() for parameter in asked)


CALLED: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "perceptron": (perceptron, (5,)),
    "pooled": (pooled, IMAGES),
    "normalised": (normalised, IMAGES),
    "attention": (Attention, (4, 3)),
}


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("loss", LOSSES)
def test_calls_agree_with_each_other(name: str, loss: str) -> None:
    make, shape = CALLED[name]
    problem = logscape.torch.problem(make(), torch.randn(14, *shape), targets(loss, 14), loss=loss, by="calls")
    assert problem.computed_by == "PyTorch" and problem.why is None
    assert problem.check() == []


class Branches(nn.Module):
    """Looks at the numbers, so that it cannot be called for all samples at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        return torch.tanh(self.layer(x)) if x.sum().item() < 1e9 else x


def test_modules_that_cannot_be_vectorised_are_called_one_after_the_other() -> None:
    problem = logscape.torch.problem(Branches(), torch.randn(9, 5), torch.randn(9, 3))
    assert problem.why is not None and "traced" in problem.why
    assert problem.check() == []


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.last(self.layer(x).mean(dim=1))


def test_a_loss_of_the_callers_own_is_called() -> None:
    x, y = torch.randn(30, 3, generator=torch.Generator().manual_seed(1)), torch.arange(60.0).reshape(30, 2).sin()
    module = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2))

    def cosh(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (f - y).cosh().log().sum()

    own = logscape.torch.problem(module, x, y, loss=cosh)
    assert (own.loss_name, own.computed_by, own.why) == ("own", "PyTorch", "the loss is one of its own")
    f = module.double()(x.double()).detach()
    assert own.loss() == pytest.approx((f - y).cosh().log().sum().item() / 30, rel=1e-12)
    assert own.check() == []
    # The mean square in other words, and labels.
    same = logscape.torch.problem(module, x, y, loss=lambda f, y: 0.5 * (f - y).square().sum())
    other = logscape.torch.problem(module, x, y)
    assert other.computed_by == "logscape" and np.abs(same.gradient() - other.gradient()).max() < 1e-13
    labels = torch.arange(30) % 2
    classes = logscape.torch.problem(module, x, labels, loss=nn.functional.cross_entropy)
    assert classes.loss() == pytest.approx(logscape.torch.problem(module, x, labels, loss="cross-entropy").loss(), rel=1e-12)
    with pytest.raises(logscape.ModelError, match="one number"):
        logscape.torch.problem(module, x, y, loss=lambda f, y: (f - y).square())
    with pytest.raises(logscape.ModelError, match="several samples at once"):
        logscape.torch.problem(module, x, labels, loss=lambda f, y: -f[y])
    with pytest.raises(logscape.ModelError, match="targets: 5 rows"):
        logscape.torch.problem(module, x, y[:5], loss=cosh)
    with pytest.raises(logscape.ModelError, match="one of its own"):
        logscape.torch.problem(module, x, y, loss=cosh, by="translation")


def test_attention_of_pytorch_has_second_derivatives() -> None:
    problem = logscape.torch.problem(Transformer().eval(), torch.randn(8, 3, 4), targets("cross-entropy", 8), loss="cross-entropy")
    assert problem.check() == []


# The noise makes the minimum one that is no fit, and the last layer alone is linear.
def regression() -> tuple[Any, Any, Any]:
    x = torch.randn(60, 2)
    y = torch.tanh(x @ torch.tensor([[1.5], [-1.0]])) + 0.3 * torch.randn(60, 1)
    return nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)), x, y


STUDY: dict[str, Any] = {
    "name": "regression",
    "seed": 5,
    "sgd": {"learning_rate": 0.1, "batch_size": 4},
    "escape": {"region": {"loss-factor": 1.5}, "method": "direct", "replicas": 16, "max_steps": 1000},
    "output": {"trajectories": {"every": 20, "replicas": 2, "steps": 1000}},
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[logscape.Problem, logscape.Record]]:
    """The same study by translation and by calls."""
    torch.manual_seed(1)
    module, x, y = regression()
    problems = [logscape.torch.problem(module, x, y, by=by) for by in ("translation", "calls")]
    place = tmp_path_factory.mktemp("torch")
    return [(problem, logscape.run(STUDY, problem=problem, to=place / problem.computed_by, progress=False)) for problem in problems]


def test_both_ways_have_the_same_geometry_and_verdict(both: Any) -> None:
    (_, own), (_, called) = both
    values = [record.table("spectrum")["eigenvalue"] for record in (own, called)]
    np.testing.assert_allclose(values[0], values[1], rtol=0, atol=1e-8 * np.abs(values[0]).max())
    assert own.verdict == called.verdict
    assert own.results["minimum"]["loss"] == pytest.approx(called.results["minimum"]["loss"], rel=1e-12)
    np.testing.assert_array_equal(own.table("escape_times")["steps"], called.table("escape_times")["steps"])


def test_both_ways_take_the_same_path(both: Any) -> None:
    paths = [record.table("trajectories") for _, record in both]
    assert paths[0]["step"].max() == 1000
    for column in ("step", "loss", "theta"):
        np.testing.assert_allclose(paths[0][column], paths[1][column], rtol=1e-8, atol=1e-8)


def test_a_minimum_goes_back_into_the_module(both: Any) -> None:
    module, x, y = regression()
    for problem, record in both:
        module.load_state_dict(problem.restore(record), strict=True)
        assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
        half = 0.5 * F.mse_loss(module(x), y).item()
        # Other data; the same module.
        there = logscape.torch.problem(module, x, y)
        assert there.loss() == pytest.approx(half, rel=1e-5)
        at = problem.at(record)
        assert at.loss() == pytest.approx(record.results["minimum"]["loss"], rel=1e-12)
        # To the last bit, though the module is in single precision.
        np.testing.assert_array_equal(at.start, np.concatenate([record.weights[name].reshape(-1) for name in problem.names]))
        np.testing.assert_allclose(problem.at(module).start, at.start, rtol=1e-6, atol=1e-6)


def test_records_of_other_problems_are_refused(both: Any) -> None:
    other = logscape.torch.problem(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), *regression()[1:])
    for use in (other.restore, other.at):
        with pytest.raises(logscape.ModelError, match="record: 4 numbers of `0.weight`, but the problem has 6"):
            use(both[0][1])


def test_parameters_come_in_the_forms_of_pytorch() -> None:
    module = normalised()
    problem = logscape.torch.problem(module, torch.randn(9, *IMAGES), torch.randn(9, 3))
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])
    for form in (state, module, flat, flat.double().numpy()):
        np.testing.assert_array_equal(problem.at(form).start, problem.start)
    state["1.running_mean"] += 1
    with pytest.raises(logscape.ModelError, match="`1.running_mean`, which is no parameter"):
        problem.at(state)
    del state["0.bias"]
    with pytest.raises(logscape.ModelError, match="`0.bias` is missing"):
        problem.at(state)


def test_restored_states_have_all_buffers_and_both_names_of_tied_weights(tmp_path: Path) -> None:
    class Everything(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)
            self.second.weight = self.first.weight
            self.norm, self.last = nn.BatchNorm1d(2), nn.Linear(2, 1)
            self.first.bias.requires_grad_(False)
            self.register_buffer("shift", torch.tensor([0.1, 0.2]))

        def forward(self, x: Any) -> Any:
            return self.last(torch.tanh(self.norm(self.second(torch.tanh(self.first(x))) + self.shift)))

    module, (_, x, y) = Everything(), regression()
    module(x)
    module.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    problem = logscape.torch.problem(module, x, y)
    assert set(problem.names) == {"first.weight", "second.bias", "norm.weight", "norm.bias", "last.weight", "last.bias"}
    study = {key: STUDY[key] for key in ("name", "seed", "sgd")}
    record = logscape.run(study, problem=problem, to=tmp_path / "record", progress=False)
    state = problem.restore(record)
    assert set(state) == set(before) and state["norm.num_batches_tracked"] == 1
    for name in ("first.bias", "shift", "norm.running_mean", "norm.running_var"):
        assert torch.equal(state[name], before[name])
    assert torch.equal(state["first.weight"], state["second.weight"])
    assert not torch.equal(state["first.weight"], before["first.weight"])
    # What was made of the module is a copy, and it has not moved.
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    module.load_state_dict(state)
    assert 0.5 * F.mse_loss(module(x), y).item() == pytest.approx(record.results["minimum"]["loss"], rel=1e-5)


def test_a_loader_is_drawn_once_in_its_order() -> None:
    class Noisy(torch.utils.data.Dataset):
        draws = 0

        def __len__(self) -> int:
            return 11

        def __getitem__(self, k: int) -> Any:
            Noisy.draws += 1
            return torch.randn(5), torch.tensor([float(k), 0.0, 0.0])

    loader = torch.utils.data.DataLoader(Noisy(), batch_size=4, shuffle=True)
    problem = logscape.torch.problem(perceptron(), loader)
    assert Noisy.draws == 11 and problem.samples == 11
    assert problem.loss() == problem.loss() and Noisy.draws == 11


@pytest.mark.parametrize(
    ("loss", "name", "outputs"),
    [
        (nn.CrossEntropyLoss(), "cross-entropy", 3),
        (nn.BCEWithLogitsLoss(), "logistic", 1),
        (nn.HuberLoss(), "huber", 1),
        (nn.SmoothL1Loss(), "huber", 1),
    ],
)
def test_losses_of_pytorch_are_the_same_number(loss: Any, name: str, outputs: int) -> None:
    module, x, y = nn.Linear(5, outputs), torch.randn(9, 5), targets(name, 9, max(outputs, 2))
    y = y if name == "cross-entropy" else y[:, :outputs]
    problem = logscape.torch.problem(module, x, y, loss=loss)
    assert problem.loss_name == name
    assert problem.loss() == pytest.approx(loss(module(x), y).item(), rel=1e-6)


def test_kinks_are_known_by_their_operations() -> None:
    x = torch.randn(5, 5)
    smooth = [nn.Tanh(), nn.GELU(), nn.SiLU(), nn.Softplus(), nn.Sigmoid(), nn.Softmax(dim=1)]
    kinks = [nn.ReLU(), nn.LeakyReLU(), nn.PReLU(), nn.Hardtanh(), nn.MaxPool1d(2), nn.ReLU6(), nn.Hardswish()]
    for layer in smooth + kinks:
        module = nn.Sequential(nn.Linear(5, 4), layer).double()
        made = Calls(module, ["0.weight", "0.bias"], x.double())
        assert made.is_smooth() == (layer in smooth), layer


def test_what_a_module_raises_goes_through(tmp_path: Path) -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.left = nn.Linear(2, 1), 200

        def forward(self, x: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise KeyError("enough")
            return self.layer(x)

    _, x, y = regression()
    problem = logscape.torch.problem(Fails(), x, y, by="calls")
    with pytest.raises(KeyError, match="enough"):
        logscape.run(STUDY, problem=problem, to=tmp_path / "record", progress=False)


def test_it_works_without_gradients_and_with_another_default_precision() -> None:
    torch.set_default_dtype(torch.float16)
    try:
        with torch.no_grad():
            module = nn.Sequential(nn.Linear(5, 3, dtype=torch.float32), nn.ELU())
            problem = logscape.torch.problem(module, torch.randn(9, 5).float(), torch.randn(9, 3).float())
            assert problem.check() == []
    finally:
        torch.set_default_dtype(torch.float32)

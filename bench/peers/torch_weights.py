"""Weights between PyTorch and logscape: models that PyTorch trains and saves have the same loss, accuracy and gradient in logscape,
and the weights of logscape's record load into the model.

    python torch_weights.py LOGSCAPE

where LOGSCAPE is the program. Prints what differs by how much; exits with 1 where that is too much.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

TOLERANCE = 1e-6


class Residual(nn.Sequential):
    def __init__(self, *layers, shortcut=()):
        super().__init__(*layers)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        branch = x
        for layer in list(self)[:-1]:
            branch = layer(branch)
        return branch + self.shortcut(x)


def model():
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.GroupNorm(4, 8), nn.GELU()),
        Residual(nn.Conv2d(8, 4, 2, stride=2), shortcut=[nn.Conv2d(8, 4, 1, stride=2, bias=False), nn.BatchNorm2d(4)]),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.LayerNorm(16),
        nn.Linear(16, 12),
        nn.GELU(approximate="tanh"),
        nn.Linear(12, 5),
    )


def bare():
    """Without biases and scales where PyTorch can leave them out, with other constants than the usual, and windows that are not square."""
    return nn.Sequential(
        nn.Conv2d(2, 8, (3, 5), stride=(1, 2), padding=(1, 2), bias=False),
        nn.BatchNorm2d(8, eps=1e-3),
        nn.LeakyReLU(0.2),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(8, 4, 3, dilation=(1, 2), padding=(0, 2), bias=False),
        nn.BatchNorm2d(4, eps=0.1, affine=False),
        nn.AvgPool2d((2, 3), stride=2, padding=(1, 1), count_include_pad=False),
        nn.GroupNorm(2, 4, eps=0.05, affine=False),
        nn.AvgPool2d(2, stride=1, padding=1),
        nn.Flatten(),
        nn.LayerNorm(100, eps=1e-2, bias=False),
        nn.Linear(100, 12, bias=False),
        nn.LayerNorm(12, eps=1e-6, elementwise_affine=False),
        nn.Tanh(),
        nn.Linear(12, 5, bias=False),
    )


LAYERS = """[
    { conv2d = 8, kernel = 3, padding = 1 }, "batch-norm", "relu", { max-pool2d = 2 },
    { residual = [{ conv2d = 8, kernel = 3, padding = 1, groups = 2 }, { group-norm = 4 }, "gelu"] },
    { residual = [{ conv2d = 4, kernel = 2, stride = 2 }], shortcut = [{ conv2d = 4, kernel = 1, stride = 2, bias = false }, "batch-norm"] },
    "silu", { avg-pool2d = 2 }, "flatten",
    "layer-norm", { linear = 12 }, "gelu-tanh", { linear = 5 },
]"""

BARE = """[
    { conv2d = 8, kernel = [3, 5], stride = [1, 2], padding = [1, 2], bias = false }, { batch-norm = true, epsilon = 1e-3 },
    { leaky-relu = 0.2 }, { max-pool2d = [2, 1] },
    { conv2d = 4, kernel = 3, dilation = [1, 2], padding = [0, 2], bias = false }, { batch-norm = true, epsilon = 0.1, scale = false },
    { avg-pool2d = [2, 3], stride = 2, padding = 1, count_include_pad = false }, { group-norm = 2, epsilon = 0.05, scale = false },
    { avg-pool2d = 2, stride = 1, padding = 1 }, "flatten",
    { layer-norm = true, epsilon = 1e-2, bias = false }, { linear = 12, bias = false }, { layer-norm = true, epsilon = 1e-6, scale = false }, "tanh",
    { linear = 5, bias = false },
]"""


def study(layers, loss):
    return f"""name = "weights"
[problem]
kind = "network"
input = [2, 16, 16]
layers = {layers}
loss = "{loss}"
data = {{ path = "data.npz", one_hot = true }}
[minimum]
start = "weights.safetensors"
search = false
[curvature]
matrices = []
"""


def losses(network, x, y):
    """Loss, gradient norm and accuracy in double precision, by loss of logscape."""
    outputs = network(x)
    classes = nn.functional.one_hot(y, 5).to(x.dtype)
    each = {
        "cross-entropy": nn.functional.cross_entropy(outputs, y),
        "mean-square": 0.5 * ((outputs - classes) ** 2).sum(1).mean(),
        "huber": nn.functional.huber_loss(outputs, classes, reduction="sum") / len(x),
        "logistic": nn.functional.binary_cross_entropy_with_logits(outputs, classes, reduction="sum") / len(x),
    }
    found = {}
    for name, loss in each.items():
        gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        norm = torch.sqrt(sum((g**2).sum() for g in gradients))
        accuracy = (outputs.argmax(1) == y).double().mean()
        found[name] = {"loss": loss.item(), "gradient_norm": norm.item(), "accuracy": accuracy.item()}
    return found


def check(program, model, layers):
    """The largest relative difference of a number, and whether the weights of the record make the same model."""
    torch.manual_seed(3)
    x = torch.randn(200, 2, 16, 16)
    y = torch.randint(0, 5, (200,))
    network = model()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(30):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    network.eval()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        save_file(network.state_dict(), folder / "weights.safetensors")
        np.savez(folder / "data.npz", x=x.reshape(200, -1).double().numpy(), y=y.double().numpy())
        wanted = losses(network.double(), x.double(), y)
        for loss, numbers in wanted.items():
            (folder / "study.toml").write_text(study(layers, loss))
            command = [program, "curvature", "study.toml", "--out", loss, "--json"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            found = json.loads(done.stdout)["minimum"]
            for name, number in numbers.items():
                off = abs(found[name] / number - 1.0)
                worst = max(worst, off)
                print(f"{loss:<14} {name:<14} {number:.12g}  relative difference {off:.1e}")
        again = model().double()
        again.load_state_dict(
            {**{k: v for k, v in network.state_dict().items() if "num_batches" in k}, **load_file(folder / "huber/minimum.safetensors")}
        )
        again.eval()
        same = losses(again, x.double(), y) == wanted
        print(f"weights of the record in PyTorch: {'the same numbers' if same else 'other numbers'}")
    return worst, same


def main():
    program = Path(sys.argv[1]).resolve()
    found = [check(program, model, LAYERS), check(program, bare, BARE)]
    return 0 if all(same and worst < TOLERANCE for worst, same in found) else 1


if __name__ == "__main__":
    sys.exit(main())

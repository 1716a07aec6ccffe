"""PyTorch: the perceptron of a work at the parameters of its formula."""

import numpy as np
import torch
from protocol import THREADS, numbers

KINDS = {np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}


def perceptron(work, dtype):
    """A `Sequential` of dense layers and `tanh`, and PyTorch's name of the type."""
    torch.set_num_threads(THREADS)
    kind, layers, width = KINDS[dtype], [], work["shape"][0]
    for layer in work["layers"]:
        if layer == "tanh":
            layers.append(torch.nn.Tanh())
        else:
            layers.append(torch.nn.Linear(width, layer["linear"]))
            width = layer["linear"]
    model = torch.nn.Sequential(*layers).to(kind)
    theta = torch.tensor(0.05 * numbers(0.61, sum(p.numel() for p in model.parameters())), dtype=kind)
    torch.nn.utils.vector_to_parameters(theta, model.parameters())
    return model, kind

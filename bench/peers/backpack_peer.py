"""BackPACK: gradients of single samples, or their squared norms, beside those of PyTorch's backward pass; their covariance as a product."""

import warnings

import numpy as np
import torch
from backpack import backpack, extend
from backpack.extensions import BatchGrad, BatchL2Grad
from protocol import numbers, serve_products
from torch_network import perceptron

# Inputs need no gradient, of which PyTorch warns wherever there are hooks.
warnings.filterwarnings("ignore", message="Full backward hook")


def build(work, dtype):
    model, kind = perceptron(work, dtype)
    model, samples = extend(model), work["samples"]
    x = torch.tensor(numbers(0.37, samples * work["shape"][0]).reshape(samples, -1), dtype=kind)
    y = torch.tensor(np.eye(10)[np.arange(samples) % 10], dtype=kind)

    def pass_with(extension):
        model.zero_grad()
        with backpack(extension):
            (0.5 * (model(x) - y) ** 2).sum().backward()
        return model.parameters()

    def covariance():
        rows = torch.cat([p.grad_batch.reshape(samples, -1) for p in pass_with(BatchGrad())], 1)
        mean = rows.mean(0)
        return (rows.T @ rows / samples).sub_(torch.outer(mean, mean))

    def norms():
        return sum(p.batch_l2 for p in pass_with(BatchL2Grad()))

    run = covariance if work["what"] == "covariance" else norms

    def image():
        found = run().numpy().astype(np.float64)
        return found @ numbers(0.83, len(found)) if found.ndim == 2 else found

    return run, 1, image


serve_products(build, numbers)

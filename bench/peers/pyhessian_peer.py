"""PyHessian: the density of the Hessian's eigenvalues by stochastic Lanczos quadrature, its gradient's graph kept."""

import numpy as np
import torch
from protocol import images, numbers, serve_products
from torch_network import perceptron


def eig(matrix, eigenvectors):
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], 1), vectors


# PyHessian calls what PyTorch had until 1.9.
torch.eig = eig

from pyhessian import hessian


def build(work, dtype):
    model, kind = perceptron(work, dtype)
    inputs, classes = images(work["samples"])
    x = torch.tensor(inputs.reshape(-1, work["shape"][0]), dtype=kind)
    y = torch.tensor(np.eye(10)[classes], dtype=kind)
    curvature = hessian(model, lambda outputs, y: 0.5 * ((outputs - y) ** 2).sum(1).mean(), data=(x, y), cuda=False)
    run = lambda: curvature.density(iter=work["steps"], n_v=work["probes"])

    def image():
        values, weights = (np.array(part, np.float64) for part in run())
        means = [(weights * values**power).sum(1) for power in (1, 2)]
        return [(mean.mean(), mean.std(ddof=1) / np.sqrt(len(mean))) for mean in means]

    return run, 1, image


serve_products(build, numbers)

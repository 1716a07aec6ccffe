"""PyTorch: all replicas as one tensor.

`torch.compile` is left out: on two threads it gained nothing for the perceptron and was slower for the other works.
"""

import numpy as np
import torch
from protocol import (
    THREADS,
    Unsupported,
    data,
    linear_losses,
    noise_temperature,
    perceptron_layers,
    perceptron_losses,
    sde_loss,
    serve,
)


def build_linear(work, dtype):
    x, y = (torch.from_numpy(a) for a in data(work, dtype))
    y = y[:, 0].contiguous()
    rate, batch = work["learning_rate"] / work["batch_size"], work["batch_size"]

    def step(theta):
        chosen = torch.randint(len(x), (len(theta) * batch,))
        rows = x.index_select(0, chosen).view(len(theta), batch, -1)
        e = torch.bmm(rows, theta[:, :, None])[:, :, 0].sub_(y.index_select(0, chosen).view(len(theta), batch))
        return (torch.baddbmm(theta[:, None], e[:, None], rows, alpha=-rate)[:, 0],)

    start = torch.tensor(work["start"], dtype=x.dtype)
    return step, lambda n: (start.repeat(n, 1),), lambda theta: [linear_losses(work, theta)]


def build_perceptron(work, dtype):
    x, y = (torch.from_numpy(a) for a in data(work, dtype))
    rate, batch = work["learning_rate"] / work["batch_size"], work["batch_size"]

    def step(w1, b1, w2, b2):
        chosen = torch.randint(len(x), (len(w1), batch))
        a = x[chosen]
        u = torch.tanh(torch.baddbmm(b1, a, w1.mT))
        e = torch.baddbmm(b2, u, w2.mT) - y[chosen]
        f = torch.bmm(e, w2) * (1 - u * u)
        return (
            torch.baddbmm(w1, f.mT, a, alpha=-rate),
            b1 - rate * f.sum(1, keepdim=True),
            torch.baddbmm(w2, e.mT, u, alpha=-rate),
            b2 - rate * e.sum(1, keepdim=True),
        )

    def start(n):
        w1, b1, w2, b2 = (torch.tensor(layer, dtype=x.dtype).repeat(n, 1, 1) for layer in perceptron_layers(work))
        return w1, b1, w2, b2

    return step, start, lambda w1, b1, w2, b2: [perceptron_losses(work, w1, b1[:, 0], w2, b2[:, 0])]


def build_sde(work, dtype):
    h, low, dt = work["curvature"], work["minimum_loss"], work["step"]
    variance = 2 * noise_temperature(work) * dt
    kind = torch.from_numpy(np.empty(0, dtype)).dtype

    def step(theta):
        kick = theta.square().mul_(0.5 * h * variance).add_(low * variance).sqrt_().mul_(torch.randn_like(theta))
        return (kick.add_(theta, alpha=1 - h * dt),)

    return step, lambda n: (torch.full((n,), work["start"], dtype=kind),), lambda theta: [sde_loss(work, theta)]


BUILDERS = {"linear": build_linear, "perceptron": build_perceptron, "sde": build_sde}


def build(name, work, dtype):
    if name not in BUILDERS:
        raise Unsupported
    torch.set_num_threads(THREADS)
    step, start, observe = BUILDERS[name](work, dtype)

    @torch.inference_mode()
    def simulate(size, seed):
        torch.manual_seed(seed)
        state = start(size["replicas"])
        for _ in range(size["steps"]):
            state = step(*state)
        return size["replicas"] * size["steps"], lambda: observe(*state)

    return simulate


serve(build)

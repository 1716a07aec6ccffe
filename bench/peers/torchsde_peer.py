"""torchsde: the scalar SDE by its Euler solver."""

import numpy as np
import torch
import torchsde
from protocol import THREADS, Unsupported, noise_temperature, sde_loss, serve


class Sde(torch.nn.Module):
    """Noise proportional to the loss."""

    noise_type = "diagonal"
    sde_type = "ito"

    def __init__(self, work):
        super().__init__()
        self.h, self.low = work["curvature"], work["minimum_loss"]
        self.strength = 2 * noise_temperature(work)

    def f(self, _t, theta):
        return -self.h * theta

    def g(self, _t, theta):
        return torch.sqrt(self.strength * (self.low + 0.5 * self.h * theta * theta))


def build(name, work, dtype):
    if name != "sde":
        raise Unsupported
    torch.set_num_threads(THREADS)
    sde, dt = Sde(work), work["step"]
    kind = torch.from_numpy(np.empty(0, dtype)).dtype

    @torch.inference_mode()
    def simulate(size, seed):
        torch.manual_seed(seed)
        # A step takes long enough that a tenth of them tells the rate.
        replicas, steps = size["replicas"], min(size["steps"], 200)
        theta = torch.full((replicas, 1), work["start"], dtype=kind)
        times = torch.tensor([0.0, steps * dt], dtype=kind)
        theta = torchsde.sdeint(sde, theta, times, method="euler", dt=dt)[-1]
        return replicas * steps, lambda: [sde_loss(work, theta[:, 0])]

    return simulate


serve(build)

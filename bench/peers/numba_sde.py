"""Numba: scalar SDEs by Euler–Maruyama, a block of paths in step so that the loop over paths becomes vector code."""

import math

import numpy as np
from numba import njit, prange
from numba_random import FAST, U, advance, normals32, normals64, seeded
from protocol import noise_temperature, sde_loss

# The state of a block stays in the nearest cache.
LANES = 128


def _pair_drawer(dtype):
    """Draws a pair of normal numbers for a lane from its row of the generator's state."""
    if dtype == np.float32:

        @njit(inline="always", **FAST)
        def draw(s0, s1):
            z, w = normals32(s0 + s1)
            s0, s1 = advance(s0, s1)
            return z, w, s0, s1

    else:

        @njit(inline="always", **FAST)
        def draw(s0, s1):
            a = s0 + s1
            s0, s1 = advance(s0, s1)
            z, w = normals64(a, s0 + s1)
            s0, s1 = advance(s0, s1)
            return z, w, s0, s1

    return draw


def stepper(name, work, dtype):
    """One step of θ and the clock with the normal number z."""
    h, low = dtype.type(work["curvature"]), dtype.type(work["minimum_loss"])
    half, dt = dtype.type(0.5), dtype.type(work["step"])
    variance = dtype.type(2 * noise_temperature(work) * work["step"])
    kick = dtype.type(math.sqrt(2 * noise_temperature(work) * work["step"]))

    if name == "sde":

        @njit(inline="always", **FAST)
        def step(x, clock, z):
            loss = low + half * h * x * x
            return x - h * x * dt + math.sqrt(variance * loss) * z, clock

    else:

        @njit(inline="always", **FAST)
        def step(x, clock, z):
            dt_of_loss = dt / (low + half * h * x * x)
            return x - h * x * dt_of_loss + kick * z, clock + dt_of_loss

    return step


def build(name, work, dtype):
    """Steps come in pairs, as the normal numbers do."""
    draw, step, start = _pair_drawer(dtype), stepper(name, work, dtype), dtype.type(work["start"])

    @njit(parallel=True, **FAST)
    def paths(theta, clock, pairs, seed):
        for block in prange((theta.size + LANES - 1) // LANES):
            x, t = np.full(LANES, start), np.zeros(LANES, dtype)
            s0, s1 = np.empty(LANES, np.uint64), np.empty(LANES, np.uint64)
            for lane in range(LANES):
                s0[lane] = seeded(seed, block * LANES + lane, 0)
                s1[lane] = seeded(seed, block * LANES + lane, 1)
            for _ in range(pairs):
                for lane in range(LANES):
                    z, w, a, b = draw(s0[lane], s1[lane])
                    s0[lane], s1[lane] = a, b
                    y, c = step(x[lane], t[lane], z)
                    x[lane], t[lane] = step(y, c, w)
            for lane in range(min(LANES, theta.size - block * LANES)):
                theta[block * LANES + lane], clock[block * LANES + lane] = x[lane], t[lane]

    def simulate(size, seed):
        theta, clock = np.empty(size["replicas"], dtype), np.empty(size["replicas"], dtype)
        paths(theta, clock, size["steps"] // 2, seed)
        clocks = [clock] if name == "log-landscape" else []
        return theta.size * size["steps"], lambda: [sde_loss(work, theta), *clocks]

    return simulate

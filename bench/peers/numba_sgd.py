"""Numba: SGD with replacement, and first passage tested in the loop."""

import numpy as np
from numba import njit, prange
from numba_random import FAST, U, advance, seeded, sine_cosine32, sine_cosine64
from protocol import data, linear_losses

# Replicas that walk in step in the exit works.
LANES = 64


@njit(inline="always")
def indices(word, n):
    """Two indices below n of one word."""
    return np.int64((word >> U(32)) * U(n) >> U(32)), np.int64((word & U(0xFFFFFFFF)) * U(n) >> U(32))


def build_linear(_name, work, dtype):
    x, y = data(work, dtype)
    n, d = x.shape
    batch = work["batch_size"]
    assert batch % 2 == 0
    # Rows of whole vectors; the padding stays zero.
    width = 16
    rows, targets = np.zeros((n, width), dtype), y[:, 0].copy()
    rows[:, :d] = x
    rate = dtype.type(work["learning_rate"] / batch)
    origin = np.zeros(width, dtype)
    origin[:d] = work["start"]

    @njit(parallel=True, **FAST)
    def run(rows, targets, thetas, steps, seed):
        for replica in prange(thetas.shape[0]):
            s0, s1 = seeded(seed, replica, 0), seeded(seed, replica, 1)
            theta, step = origin.copy(), np.zeros(width, dtype)
            for _ in range(steps):
                for k in range(width):
                    step[k] = 0
                for _ in range(batch // 2):
                    i, j = indices(s0 + s1, n)
                    s0, s1 = advance(s0, s1)
                    e, f = -targets[i], -targets[j]
                    for k in range(width):
                        e += rows[i, k] * theta[k]
                        f += rows[j, k] * theta[k]
                    for k in range(width):
                        step[k] += e * rows[i, k] + f * rows[j, k]
                for k in range(width):
                    theta[k] -= rate * step[k]
            thetas[replica] = theta

    def simulate(size, seed):
        thetas = np.empty((size["replicas"], width), dtype)
        run(rows, targets, thetas, size["steps"], seed)
        return len(thetas) * size["steps"], lambda: [linear_losses(work, thetas[:, :d])]

    return simulate


def _exit_simulator(work, dtype, columns, gradient, outside):
    """First passage of `LANES` replicas in step; a lane whose replica has ended takes the next of its block.

    `columns` (N × m) holds a sample's input and target, of which `gradient(samples, lane, θ₀, θ₁)` reads the lane's; in
    one dimension θ₁ stays zero.
    """
    n, m = columns.shape
    batch, block_size = work["batch_size"], 1024
    rate = dtype.type(work["learning_rate"] / batch)
    first, second = dtype.type(work["start"][0]), dtype.type((work["start"] + [0])[1])
    columns = np.ascontiguousarray(columns, dtype)

    @njit(parallel=True, **FAST)
    def run(columns, ends, limit, seed):
        for block in prange((ends.size + block_size - 1) // block_size):
            following, last = block * block_size, min(ends.size, (block + 1) * block_size)
            theta, sums = np.empty((2, LANES), dtype), np.empty((2, LANES), dtype)
            samples, state = np.empty((m, LANES), dtype), np.empty((2, LANES), np.uint64)
            chosen, left = np.empty((2, LANES), np.int64), np.empty(LANES, np.bool_)
            replica, age = np.full(LANES, -1), np.full(LANES, limit)
            left[:] = True
            alive = 0
            while True:
                for lane in range(LANES):
                    if left[lane] or age[lane] >= limit:
                        if replica[lane] >= 0:
                            ends[replica[lane]] = age[lane]
                            alive -= 1
                        replica[lane] = -1
                        # A lane that has no replica left to take walks from the start, unrecorded.
                        theta[0, lane], theta[1, lane], age[lane] = first, second, 0
                        if following < last:
                            replica[lane] = following
                            state[0, lane], state[1, lane] = seeded(seed, following, 0), seeded(seed, following, 1)
                            following += 1
                            alive += 1
                if alive == 0:
                    break
                to_limit = limit - age.max()
                taken, any_left = 0, False
                while taken < to_limit and not any_left:
                    sums[:] = 0
                    for draw in range(batch):
                        if draw % 2 == 0:
                            for lane in range(LANES):
                                s0, s1 = state[0, lane], state[1, lane]
                                chosen[0, lane], chosen[1, lane] = indices(s0 + s1, n)
                                state[0, lane], state[1, lane] = advance(s0, s1)
                        for lane in range(LANES):
                            for k in range(m):
                                samples[k, lane] = columns[chosen[draw % 2, lane], k]
                        for lane in range(LANES):
                            a, b = gradient(samples, lane, theta[0, lane], theta[1, lane])
                            sums[0, lane] += a
                            sums[1, lane] += b
                    count = 0
                    for lane in range(LANES):
                        a = theta[0, lane] - rate * sums[0, lane]
                        b = theta[1, lane] - rate * sums[1, lane]
                        theta[0, lane], theta[1, lane] = a, b
                        left[lane] = outside(a, b)
                        count += left[lane]
                    any_left = count > 0
                    taken += 1
                age += taken

    def simulate(size, seed):
        ends = np.empty(size["replicas"], np.int64)
        run(columns, ends, size["steps"], seed)
        return int(ends.sum()), lambda: [ends]

    return simulate


def build_sinusoid(_name, work, dtype):
    x, y = data(work, dtype)
    low, high = (dtype.type(work["region"][bound][0]) for bound in ("lower", "upper"))
    sine_cosine = sine_cosine32 if dtype == np.float32 else sine_cosine64
    zero = dtype.type(0)

    @njit(inline="always", **FAST)
    def gradient(samples, lane, a, _b):
        sine, cosine = sine_cosine(a * samples[0, lane])
        return (sine - samples[1, lane]) * cosine * samples[0, lane], zero

    @njit(inline="always", **FAST)
    def outside(a, _b):
        return (a < low) | (a > high)

    return _exit_simulator(work, dtype, np.hstack([x, y]), gradient, outside)


def build_phase_retrieval(_name, work, dtype):
    x, y = data(work, dtype)
    p, q = (dtype.type(c) for c in work["region"]["centre"])
    square, two = dtype.type(work["region"]["radius"] ** 2), dtype.type(2)

    @njit(inline="always", **FAST)
    def gradient(samples, lane, a, b):
        f = a * samples[0, lane] + b * samples[1, lane]
        g = two * f * (f * f - samples[2, lane])
        return g * samples[0, lane], g * samples[1, lane]

    @njit(inline="always", **FAST)
    def outside(a, b):
        return (a - p) * (a - p) + (b - q) * (b - q) > square

    return _exit_simulator(work, dtype, np.hstack([x, y]), gradient, outside)

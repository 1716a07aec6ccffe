"""Numba: the plain loop, one replica after the other with the functions of `math`; `numba_peer` is the same by vectors."""

import math

import numpy as np
from numba import njit, prange
from numba_random import FAST, U, advance, seeded
from numba_sde import stepper
from numba_sgd import indices
from protocol import Unsupported, data, sde_loss, serve


@njit(inline="always")
def uniform(word):
    """A number in (0, 1]."""
    return (np.float64(word >> U(11)) + 1.0) * 2.0**-53


def build_sde(name, work, dtype):
    """Steps come in pairs, as the normal numbers of Box and Muller do."""
    step, start = stepper(name, work, dtype), dtype.type(work["start"])
    one, two, turn = dtype.type(1), dtype.type(2), dtype.type(2 * math.pi)

    @njit(parallel=True, **FAST)
    def paths(theta, clock, pairs, seed):
        for replica in prange(theta.size):
            s0, s1 = seeded(seed, replica, 0), seeded(seed, replica, 1)
            x, t = start, start * 0
            for _ in range(pairs):
                u = one * uniform(s0 + s1)
                s0, s1 = advance(s0, s1)
                angle = turn * uniform(s0 + s1)
                s0, s1 = advance(s0, s1)
                radius = math.sqrt(-two * math.log(u))
                x, t = step(x, t, dtype.type(radius * math.cos(angle)))
                x, t = step(x, t, dtype.type(radius * math.sin(angle)))
            theta[replica], clock[replica] = x, t

    def simulate(size, seed):
        theta, clock = np.empty(size["replicas"], dtype), np.empty(size["replicas"], dtype)
        paths(theta, clock, size["steps"] // 2, seed)
        clocks = [clock] if name == "log-landscape" else []
        return theta.size * size["steps"], lambda: [sde_loss(work, theta), *clocks]

    return simulate


def build_exit(name, work, dtype):
    """First passage of SGD; `gradient(x₀, x₁, y, θ₀, θ₁)` is that of one sample."""
    x, y = data(work, dtype)
    columns = np.ascontiguousarray(np.hstack([x, np.zeros((len(x), 2 - x.shape[1]), dtype), y]))
    n, batch = len(x), work["batch_size"]
    rate = dtype.type(work["learning_rate"] / batch)
    first, second = dtype.type(work["start"][0]), dtype.type((work["start"] + [0])[1])
    zero, two = dtype.type(0), dtype.type(2)
    if name.startswith("sinusoid"):
        low, high = (dtype.type(work["region"][bound][0]) for bound in ("lower", "upper"))

        @njit(inline="always", **FAST)
        def gradient(p, _q, target, a, _b):
            return (math.sin(a * p) - target) * math.cos(a * p) * p, zero

        @njit(inline="always", **FAST)
        def outside(a, _b):
            return a < low or a > high

    else:
        u, v = (dtype.type(c) for c in work["region"]["centre"])
        square = dtype.type(work["region"]["radius"] ** 2)

        @njit(inline="always", **FAST)
        def gradient(p, q, target, a, b):
            f = a * p + b * q
            g = two * f * (f * f - target)
            return g * p, g * q

        @njit(inline="always", **FAST)
        def outside(a, b):
            return (a - u) * (a - u) + (b - v) * (b - v) > square

    @njit(parallel=True, **FAST)
    def run(columns, ends, limit, seed):
        for replica in prange(ends.size):
            s0, s1 = seeded(seed, replica, 0), seeded(seed, replica, 1)
            a, b, age = first, second, 0
            while age < limit:
                da, db, left = zero, zero, batch
                while left > 0:
                    i, j = indices(s0 + s1, n)
                    s0, s1 = advance(s0, s1)
                    g, h = gradient(columns[i, 0], columns[i, 1], columns[i, 2], a, b)
                    da, db = da + g, db + h
                    if left > 1:
                        g, h = gradient(columns[j, 0], columns[j, 1], columns[j, 2], a, b)
                        da, db = da + g, db + h
                    left -= 2
                a, b, age = a - rate * da, b - rate * db, age + 1
                if outside(a, b):
                    break
            ends[replica] = age

    def simulate(size, seed):
        ends = np.empty(size["replicas"], np.int64)
        run(columns, ends, size["steps"], seed)
        return int(ends.sum()), lambda: [ends]

    return simulate


def build(name, work, dtype):
    if name in ("sde", "log-landscape"):
        return build_sde(name, work, dtype)
    if name.startswith(("sinusoid", "phase-retrieval")):
        return build_exit(name, work, dtype)
    raise Unsupported


serve(build)

"""What every peer shares: its work's settings, two threads, and the requests on standard input."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

THREADS = 2
# Seconds; a run shorter than this is repeated.
SHORTEST = 0.5
# XLA takes its number of threads from the processors that it may use.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


class Unsupported(Exception):
    """The peer does not have this work in this precision."""


def moments(values):
    """The means of x and of x², each with its standard error."""
    x = np.asarray(values, dtype=np.float64)
    return [f"{m.mean()} {m.std(ddof=1) / np.sqrt(m.size)}" for m in (x, x * x)]


def serve(build):
    """Answers `run` and `check` for `PEER.py WORK PRECISION DATA_FOLDER`.

    `build(name, work, dtype)` returns `simulate(size, seed)`, which returns the replica-steps it took and a function
    that computes a list of observables, each with one value per replica. The first call compiles, before `ready`.
    """
    name, precision, folder = sys.argv[1:]
    work = json.loads((Path(folder) / name).with_suffix(".json").read_text())
    dtype = np.dtype({"f32": np.float32, "f64": np.float64}[precision])
    try:
        simulate = build(name, work, dtype)
    except Unsupported:
        print("unsupported", flush=True)
        return
    simulate(work["run"], 0)
    print("ready", flush=True)
    for seed, line in enumerate(sys.stdin, start=1):
        if line.strip() == "run":
            begin, elapsed, steps = time.perf_counter(), 0, 0
            while elapsed < SHORTEST:
                steps += simulate(work["run"], seed)[0]
                elapsed = time.perf_counter() - begin
            print(steps / elapsed, flush=True)
        else:
            _, observables = simulate(work["check"], seed)
            print(" ".join(sum((moments(x) for x in observables()), [])), flush=True)


def data(work, dtype):
    """Inputs (N × d) and targets (N × c)."""
    return np.array(work["inputs"], dtype), np.array(work["targets"], dtype)


def numbers(a, count):
    """`sin(a k²)`, as the other side computes it."""
    k = np.arange(count, dtype=np.float64)
    return np.sin(a * k * k)


def images(samples):
    """The first images, flat, and their classes, as our side has written them."""
    pixels, classes = (np.fromfile(Path(sys.argv[3]) / f"{name}.u8", np.uint8) for name in ("images", "classes"))
    return pixels[: samples * 784] / 255.0, classes[:samples]


def linear_losses(work, theta):
    """The loss of all data for each row of `theta`."""
    x, y = data(work, np.float64)
    return 0.5 * np.mean((np.asarray(theta, np.float64) @ x.T - y[:, 0]) ** 2, axis=1)


def perceptron_layers(work):
    """W₁ (h × d), b₁, W₂ (c × h), b₂ at the start."""
    x, y = data(work, np.float64)
    theta, d, c = np.array(work["start"]), x.shape[1], y.shape[1]
    h = (theta.size - c) // (d + 1 + c)
    w1, b1, w2, b2 = np.split(theta, np.cumsum([h * d, h, c * h]))
    return w1.reshape(h, d), b1, w2.reshape(c, h), b2


def perceptron_losses(work, w1, b1, w2, b2):
    """The loss of all data for each replica's layers, which have a leading axis of replicas."""
    x, y = data(work, np.float64)
    losses = []
    for a, p, b, q in zip(*(np.asarray(layer, np.float64) for layer in (w1, b1, w2, b2))):
        losses.append(0.5 * np.mean(np.sum((np.tanh(x @ a.T + p) @ b.T + q - y) ** 2, axis=1)))
    return losses


def sde_loss(work, theta):
    """L* + ½ h θ²."""
    return work["minimum_loss"] + 0.5 * work["curvature"] * np.asarray(theta, np.float64) ** 2


def noise_temperature(work):
    """η s h / B, the temperature per unit of loss."""
    return work["learning_rate"] * work["noise_strength"] * work["curvature"] / work["batch_size"]


def serve_products(build, numbers, rounding={"f32": 1e-6, "f64": 1e-13}):
    """As `serve`, for `build(work, dtype)` that returns a function that multiplies, with how many vectors it does, and a function
    that returns the last image, or a list of numbers with their errors: rates are products per second, checks four projections or
    the list."""
    name, precision, folder = sys.argv[1:]
    work = json.loads((Path(folder) / name).with_suffix(".json").read_text())
    dtype = np.dtype({"f32": np.float32, "f64": np.float64}[precision])
    run, vectors, image = build(work, dtype)
    run()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "run":
            begin, elapsed, products = time.perf_counter(), 0, 0
            while elapsed < SHORTEST:
                run()
                products += vectors
                elapsed = time.perf_counter() - begin
            print(products / elapsed, flush=True)
        else:
            out = image()
            if isinstance(out, list):
                print(" ".join(f"{value} {error}" for value, error in out), flush=True)
                continue
            scale = rounding[precision] * np.linalg.norm(out) * np.sqrt(out.size / 2)
            words = [f"{out @ numbers(0.21 + 0.1 * k, out.size)} {scale}" for k in range(4)]
            print(" ".join(words), flush=True)

"""What the machine gives on two threads: `gemm` in flops per second, `normals` in normal numbers per second."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from protocol import THREADS


def rate(work, amount):
    """The best of several runs, after one that warms up."""
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return amount / min(times[1:])


def gemm(dtype):
    n = 1024
    a, b, c = np.ones((n, n), dtype), np.ones((n, n), dtype), np.empty((n, n), dtype)
    return rate(lambda: np.matmul(a, b, out=c), 2 * n**3)


def normals(dtype):
    count = 1 << 20
    generators = [np.random.Generator(np.random.SFC64(seed)) for seed in range(THREADS)]
    outputs = [np.empty(count, dtype) for _ in generators]

    def fill(generator, out):
        # Halves that stay in the nearest cache.
        for part in out.reshape(-1, 4096):
            generator.standard_normal(out=part, dtype=dtype)

    with ThreadPoolExecutor(THREADS) as pool:
        return rate(lambda: list(pool.map(fill, generators, outputs)), THREADS * count)


_, kind, precision, _ = sys.argv
measure = {"gemm": gemm, "normals": normals}[kind]
print("ready", flush=True)
for _ in sys.stdin:
    print(measure({"f32": np.float32, "f64": np.float64}[precision]), flush=True)

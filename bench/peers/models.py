"""Models of PyTorch and JAX in the Python package beside what their users have today: eigenpairs and products of a Hessian, what a call
costs that PyTorch does not, and steps of SGD.

    python models.py torch      with logscape, torch, scipy, PyHessian and curvlinops-for-pytorch
    python models.py jax        with logscape, jax and scipy

All ways take their turns in each round. Each line has the medians of the seconds, by the clock and of the processors, and of the ratio
of the first way of its group to it in the same round: above 1 the first is faster. On one processor (`taskset -c 1`) the seconds of
processors do not depend on what else runs. Exits with 1 where numbers do not agree.
"""

import os
import sys
import time
import warnings
from functools import partial

import logscape
import numpy as np
from protocol import numbers
from scipy.sparse.linalg import eigsh

ROUNDS = 5
PAIRS, RESIDUAL = 20, 1e-3
SAMPLES, OUTPUTS = 10_000, 10
REPLICAS, RATE = 64, 0.05
# Steps of SGD, by batch.
STEPS = {1: 8192, 16: 4096}


class Check:
    """Whether all numbers agree."""

    def __init__(self):
        self.sound = True

    def near(self, name, found, expected, limit):
        off = np.max(np.abs(np.asarray(found) - expected)) / np.max(np.abs(expected))
        self.sound &= bool(off < limit)
        print(f"  {name}: differs by {off:.1e}{'' if off < limit else ', TOO MUCH'}", flush=True)


def in_turns(title, ways):
    """Times ways that have run before, given by name, each with how often it is run in a round; the medians of both seconds by name."""
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, times) in ways.items():
            begin = np.array([time.perf_counter(), time.process_time()])
            for _ in range(times):
                way()
            seconds[name].append((np.array([time.perf_counter(), time.process_time()]) - begin) / times)
            print(f"{name}: {seconds[name][-1][0]:.4f} s, of processors {seconds[name][-1][1]:.4f}", file=sys.stderr, flush=True)
    first = np.array(seconds[next(iter(ways))])
    print(f"{title:<44} {'seconds':>9} {'processors':>10} {'ratio':>6} {'of processors':>13}")
    for name, found in seconds.items():
        (clock, spent), (ratio, of_spent) = np.median(found, axis=0), np.median(np.array(found) / first, axis=0)
        print(f"  {name:<42} {clock:9.4f} {spent:10.4f} {ratio:6.2f} {of_spent:13.2f}", flush=True)
    return {name: np.median(found, axis=0) for name, found in seconds.items()}


def images():
    """Pictures of 28 × 28, flat, and their classes: those of `formula::images` of our side."""
    pictures, labels = logscape.digits()
    place = np.clip((np.arange(20) + 0.5) * 8 / 20 - 0.5, 0, 7)
    low = place.astype(int)
    across = np.zeros((20, 8))
    across[np.arange(20), low] += 1 - place % 1
    across[np.arange(20), np.minimum(low + 1, 7)] += place % 1
    ink = across @ pictures.reshape(-1, 8, 8) @ across.T
    ink = np.round(255 * np.maximum(ink - 0.2, 0) / 0.8) / 255
    made = np.zeros((SAMPLES, 28, 28))
    for k, image in enumerate(made):
        again = k // len(ink)
        down, right = 4 + again % 3, 4 + again // 3 % 3
        image[down : down + 20, right : right + 20] = ink[k % len(ink)]
    return made.reshape(SAMPLES, -1), labels[np.arange(SAMPLES) % len(ink)]


def of_torch(check):
    import logscape.torch
    import torch
    from curvlinops import HessianLinearOperator
    from torch import nn

    def eig(matrix, eigenvectors):
        values, vectors = torch.linalg.eigh(matrix)
        return torch.stack([values, torch.zeros_like(values)], 1), vectors

    # PyHessian calls what PyTorch had until 1.9.
    torch.eig = eig
    from pyhessian import hessian
    from pyhessian.utils import hessian_vector_product

    torch.set_num_threads(len(os.sched_getaffinity(0)))

    class HalfSquares(nn.MSELoss):
        """`½‖f − y‖²`, the mean over samples."""

        def forward(self, outputs, y):
            return OUTPUTS / 2 * super().forward(outputs, y)

    def network(kind):
        layers = [nn.Linear(784, 100), nn.Tanh(), nn.Linear(100, 100), nn.Tanh(), nn.Linear(100, OUTPUTS)]
        module = nn.Sequential(*layers).to(kind)
        size = sum(p.numel() for p in module.parameters())
        nn.utils.vector_to_parameters(torch.tensor(0.05 * numbers(0.61, size), dtype=kind), module.parameters())
        return module

    pixels, classes = images()
    one_hot = np.eye(OUTPUTS)[classes]
    ours = network(torch.float64)
    translated = logscape.torch.problem(ours, pixels, one_hot, by="translation")
    called = logscape.torch.problem(ours, pixels, one_hot, by="calls")
    size = called.parameters
    v = numbers(0.83, size)

    def pyhessian(kind):
        x, y = torch.tensor(pixels, dtype=kind), torch.tensor(one_hot, dtype=kind)
        return hessian(network(kind), HalfSquares(), data=(x, y), cuda=False)

    def power(curvature):
        """Products of PyHessian with `v`, which it has in parts of the parameters' shapes."""
        shapes = [p.shape for p in curvature.params]
        flat = torch.tensor(v, dtype=curvature.params[0].dtype).split([s.numel() for s in shapes])
        parts = [part.reshape(shape) for part, shape in zip(flat, shapes)]
        made = lambda: hessian_vector_product(curvature.gradsH, curvature.params, parts)
        return lambda: torch.cat([part.reshape(-1) for part in made()]).numpy()

    def curvlinops(kind):
        module = network(kind)
        x, y = torch.tensor(pixels, dtype=kind), torch.tensor(one_hot, dtype=kind)
        return HessianLinearOperator(module, HalfSquares(), list(module.parameters()), [(x, y)], check_deterministic=False).to_scipy()

    # The translation orders its parameters as PyTorch does.
    operators = {
        "logscape, translated, f32": translated.hessian(precision="float32"),
        "logscape, translated, f64": translated.hessian(),
        "logscape, by calls, f64": called.hessian(),
        "curvlinops, f32": curvlinops(torch.float32),
        "curvlinops, f64": curvlinops(torch.float64),
    }
    power_32, power_64 = pyhessian(torch.float32), pyhessian(torch.float64)
    products = {name: partial(operator.matvec, v.astype(operator.dtype)) for name, operator in operators.items()}
    products.update({"PyHessian, f32": power(power_32), "PyHessian, f64": power(power_64)})
    expected = products["logscape, by calls, f64"]()
    for name, product in products.items():
        check.near(f"product, {name}", product(), expected, 1e-5 if name.endswith("f32") else 1e-10)
    in_turns("one product", {name: (product, 10) for name, product in products.items()})

    # What PyTorch's derivatives take of a product by calls.
    bare, inside = torch.autograd.grad, 0.0

    def timed(*arguments, **options):
        nonlocal inside
        begin = time.perf_counter()
        made = bare(*arguments, **options)
        inside += time.perf_counter() - begin
        return made

    torch.autograd.grad = timed
    shares = []
    for _ in range(5 * ROUNDS):
        inside, begin = 0.0, time.perf_counter()
        products["logscape, by calls, f64"]()
        shares.append(1 - inside / (time.perf_counter() - begin))
    torch.autograd.grad = bare
    print(f"of a product by calls, not in PyTorch's derivatives: {np.median(shares):.4f}", flush=True)

    found = {}

    def arpack(name):
        start = v.astype(operators[name].dtype)
        found[name] = np.sort(eigsh(operators[name], PAIRS, which="LA", tol=RESIDUAL, v0=start)[0])[::-1]

    def power_iteration():
        found["PyHessian, f32"] = np.sort(power_32.eigenvalues(top_n=PAIRS)[0])[::-1]

    ways = {name: (partial(arpack, name), 1) for name in operators if name != "logscape, translated, f64"}
    ways["PyHessian, f32"] = (power_iteration, 1)
    in_turns(f"{PAIRS} eigenpairs", ways)
    expected = found["logscape, by calls, f64"]
    # Power iteration finds what is largest in magnitude, negative ones too, and stops by its own rule: nothing to agree with.
    hits = sum(np.abs(value / expected - 1).min() < 0.01 for value in found.pop("PyHessian, f32"))
    print(f"  PyHessian: {hits} of {PAIRS} values are within a hundredth of one of the leading eigenvalues")
    for name, values in found.items():
        # The square of the residual over the gap, at most the residual.
        check.near(f"eigenvalues, {name}", values / expected, np.ones(PAIRS), RESIDUAL)


def of_jax(check):
    import jax
    import jax.numpy as jnp
    import logscape.jax

    jax.config.update("jax_enable_x64", True)
    pictures, labels = logscape.digits()
    one_hot = np.eye(OUTPUTS)[labels]
    random = np.random.default_rng(1)
    params = [(random.normal(size=(d, h)) / np.sqrt(d), np.zeros(h)) for d, h in ((64, 32), (32, OUTPUTS))]

    def apply(params, x):
        (w1, b1), (w2, b2) = params
        return jnp.tanh(x @ w1 + b1) @ w2 + b2

    def loss(params, x, y):
        return 0.5 * jnp.mean(jnp.sum((apply(params, x) - y) ** 2, axis=1))

    problem = logscape.jax.problem(apply, params, pictures, one_hot)
    minimum = problem.minimum(search=False, accept=True, progress=False)

    def run(batch, steps):
        """An ensemble after so many steps, and one more."""
        options = dict(replicas=REPLICAS, burn_in=steps, steps=1, thin=1, progress=False)
        return minimum.stationary(RATE, batch, **options)

    x, y = jnp.asarray(pictures), jnp.asarray(one_hot)
    start = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[None], REPLICAS, axis=0), params)

    @partial(jax.jit, static_argnums=(1, 2))
    def by_hand(key, batch, steps):
        def step(params, key):
            chosen = jax.random.randint(key, (REPLICAS, batch), 0, len(x))
            slopes = jax.vmap(jax.grad(loss))(params, x[chosen], y[chosen])
            return jax.tree.map(lambda leaf, slope: leaf - RATE * slope, params, slopes), None

        return jax.lax.scan(step, start, jax.random.split(key, steps))[0]

    whole = jax.jit(jax.vmap(loss, (0, None, None)))
    for batch, steps in STEPS.items():
        hand = lambda: jax.block_until_ready(by_hand(jax.random.key(1), batch, steps))
        run(batch, 0)
        ran = run(batch, steps).results["settings"][0]["stationary"]["statistics"]["excess_loss"]["mean"]
        of_hand = np.asarray(whole(hand(), x, y)) - float(loss(params, x, y))
        error = np.hypot(np.ptp(ran["ci95"]) / 4, of_hand.std(ddof=1) / np.sqrt(REPLICAS))
        # In joint standard errors.
        check.near(f"batch {batch}: mean loss", [ran["value"] / error], of_hand.mean() / error, 4.5 / abs(of_hand.mean() / error))
        none, some = f"batch {batch}, a run of 0 steps", f"batch {batch}, a run of {steps} steps"
        ways = {"by hand": (hand, 1), some: (lambda: run(batch, steps), 1), none: (lambda: run(batch, 0), 1)}
        spent = in_turns(f"{steps} steps of {REPLICAS} replicas", ways)
        ratio = (spent[some] - spent[none]) / spent["by hand"]
        for name, taken in (("by hand", spent["by hand"]), ("by logscape", spent[some] - spent[none])):
            print(f"  {name}: {steps / taken[0]:.0f} steps a second, of processors {steps / taken[1]:.0f}")
        print(f"  logscape takes {ratio[0]:.2f} times as long, of processors {ratio[1]:.2f}", flush=True)


if __name__ == "__main__":
    check = Check()
    warnings.simplefilter("ignore")
    {"torch": of_torch, "jax": of_jax}[sys.argv[1]](check)
    sys.exit(0 if check.sound else 1)

"""JAX: products with the Hessian by `linearize` of the gradient, whose first passes are kept, and with the Gauss–Newton matrix by
`linearize` and its transpose; several vectors by `vmap`; eigenpairs by SciPy's ARPACK on such products."""

import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
from protocol import serve_products
from scipy.sparse.linalg import LinearOperator, eigsh

PAIRS, RESIDUAL = 20, 1e-3


def numbers(a, count):
    """`sin(a k²)`, as the other side computes it."""
    k = np.arange(count, dtype=np.float64)
    return np.sin(a * k * k)


def shapes(layers, shape):
    """Weights and biases of each layer that has some."""
    out = []
    for layer in layers:
        if isinstance(layer, str):
            shape = [math.prod(shape)] if layer == "flatten" else shape
        elif "linear" in layer:
            out.append([(layer["linear"], shape[0]), (layer["linear"],)])
            shape = [layer["linear"]]
        elif "conv2d" in layer:
            k = layer["kernel"]
            out.append([(layer["conv2d"], shape[0], k, k), (layer["conv2d"],)])
            shape = [layer["conv2d"], shape[1] - k + 1, shape[2] - k + 1]
        else:
            k = layer["max-pool2d"]
            shape = [shape[0], shape[1] // k, shape[2] // k]
    return out


def split(theta, parts):
    out, first = [], 0
    for weights in parts:
        pair = []
        for shape in weights:
            count = math.prod(shape)
            pair.append(theta[first : first + count].reshape(shape))
            first += count
        out.append(pair)
    return out


def model(layers, parts):
    def outputs(theta, x):
        weights = iter(split(theta, parts))
        for layer in layers:
            if layer == "tanh":
                x = jnp.tanh(x)
            elif layer == "relu":
                x = jax.nn.relu(x)
            elif layer == "flatten":
                x = x.reshape(len(x), -1)
            elif "linear" in layer:
                w, b = next(weights)
                x = x @ w.T + b
            elif "conv2d" in layer:
                w, b = next(weights)
                x = jax.lax.conv(x, w, (1, 1), "VALID") + b[:, None, None]
            else:
                k = layer["max-pool2d"]
                n, c, h, w = x.shape
                x = x[:, :, : h // k * k, : w // k * k].reshape(n, c, h // k, k, w // k, k).max((3, 5))
        return x

    return outputs


def build(work, dtype):
    if dtype == np.float64:
        jax.config.update("jax_enable_x64", True)
    layers, shape, samples = work["layers"], work["shape"], work["samples"]
    parts = shapes(layers, shape)
    size = sum(math.prod(s) for pair in parts for s in pair)
    x = jnp.asarray(numbers(0.37, samples * math.prod(shape)).reshape(samples, *shape), dtype)
    y = jnp.asarray(np.eye(10)[np.arange(samples) % 10], dtype)
    theta = jnp.asarray(0.05 * numbers(0.61, size), dtype)
    count = max(work["vectors"], 1)
    vectors = jnp.asarray(numbers(0.83, size * count).reshape(count, size), dtype)
    outputs = model(layers, parts)

    def loss(theta):
        return 0.5 * jnp.mean(jnp.sum((outputs(theta, x) - y) ** 2, 1))

    if work["matrix"] == "hessian":
        _, product = jax.linearize(jax.jit(jax.grad(loss)), theta)
        one = lambda product, v: product(v)
    else:
        _, tangent = jax.linearize(jax.jit(lambda theta: outputs(theta, x)), theta)
        product = (tangent, jax.linear_transpose(tangent, theta))
        one = lambda product, v: product[1](product[0](v) / samples)[0]

    if work["matrix"] == "hessian":
        multiply = jax.jit(jax.vmap(one, (None, 0)) if len(vectors) > 1 else one)
        block = vectors if len(vectors) > 1 else vectors[0]
        run = lambda: jax.block_until_ready(multiply(product, block))
    else:
        tangent, transpose = jax.jit(product[0]), jax.jit(lambda u: product[1](u)[0])
        run = lambda: jax.block_until_ready(transpose(tangent(vectors[0]) / samples))

    if work["vectors"] == 0:
        matrix = LinearOperator((size, size), lambda v: np.asarray(multiply(product, jnp.asarray(v.ravel(), dtype))), dtype=dtype)

        def pairs():
            start = numbers(0.83, size).astype(dtype)
            return np.sort(eigsh(matrix, PAIRS, which="LA", tol=RESIDUAL, v0=start, return_eigenvectors=True)[0])[::-1]

        return pairs, 1, lambda: [(value, RESIDUAL * value / 4) for value in pairs().astype(np.float64)]

    def image():
        return np.asarray(run(), np.float64).reshape(-1, size)[-1]

    return run, work["vectors"], image


serve_products(build, numbers)

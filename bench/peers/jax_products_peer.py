"""JAX: products with the Hessian by `linearize` of the gradient, whose first passes are kept, and with the Gauss–Newton matrix by
`linearize` and its transpose; several vectors by `vmap`; eigenpairs by SciPy's ARPACK on such products."""

import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax_network import model, shapes
from protocol import images, numbers, serve_products
from scipy.sparse.linalg import LinearOperator, eigsh

PAIRS, RESIDUAL = 20, 1e-3


def build(work, dtype):
    if dtype == np.float64:
        jax.config.update("jax_enable_x64", True)
    layers, shape, samples = work["layers"], work["shape"], work["samples"]
    parts = shapes(layers, shape)
    size = sum(math.prod(s) for pair in parts for s in pair)
    inputs, classes = images(samples) if work["images"] else (numbers(0.37, samples * math.prod(shape)), np.arange(samples) % 10)
    x, y = jnp.asarray(inputs.reshape(samples, *shape), dtype), jnp.asarray(np.eye(10)[classes], dtype)
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

"""JAX: the gradient of the mean loss by `grad`; gradients of single samples by `vmap` of `grad`, their covariance as a product, their
squared norms as sums."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax_network import model, shapes
from protocol import numbers, serve_products


def build(work, dtype):
    if dtype == np.float64:
        jax.config.update("jax_enable_x64", True)
    layers, shape, samples = work["layers"], work["shape"], work["samples"]
    parts = shapes(layers, shape)
    size = sum(math.prod(s) for pair in parts for s in pair)
    x = jnp.asarray(numbers(0.37, samples * math.prod(shape)).reshape(samples, *shape), dtype)
    y = jnp.asarray(np.eye(10)[np.arange(samples) % 10], dtype)
    theta = jnp.asarray(0.05 * numbers(0.61, size), dtype)
    outputs = model(layers, parts)

    def loss(theta, x, y):
        return 0.5 * jnp.sum((outputs(theta, x[None])[0] - y) ** 2)

    gradients = jax.vmap(jax.grad(loss), (None, 0, 0))

    def covariance(theta):
        rows = gradients(theta, x, y)
        mean = rows.mean(0)
        return rows.T @ rows / samples - jnp.outer(mean, mean)

    whole = jax.jit({
        "gradient": jax.grad(lambda theta: 0.5 * jnp.mean(jnp.sum((outputs(theta, x) - y) ** 2, 1))),
        "covariance": covariance,
        "sample-norms": lambda theta: (gradients(theta, x, y) ** 2).sum(1),
    }[work["what"]])
    run = lambda: jax.block_until_ready(whole(theta))

    def image():
        found = np.asarray(run(), np.float64)
        return found @ numbers(0.83, size) if found.ndim == 2 else found

    return run, 1, image


serve_products(build, numbers)

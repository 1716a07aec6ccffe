"""JAX: squared norms of the gradients of single samples without the gradients, by hand for dense layers: the square of the cotangent
before the activation times that of the layer's inputs and one."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax_network import shapes, split
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

    def forward(shifts, theta):
        """The sum of the losses where `shifts` are added before the activations, and the layers' inputs."""
        h, inputs = x, []
        for (w, b), shift in zip(split(theta, parts), shifts):
            inputs.append(h)
            z = h @ w.T + b + shift
            h = jnp.tanh(z)
        return 0.5 * jnp.sum((z - y) ** 2), inputs

    @jax.jit
    def squares(theta):
        shifts = [jnp.zeros((samples, bias[0]), dtype) for _, bias in parts]
        cotangents, inputs = jax.grad(forward, has_aux=True)(shifts, theta)
        return sum((d * d).sum(1) * ((h * h).sum(1) + 1) for d, h in zip(cotangents, inputs))

    run = lambda: jax.block_until_ready(squares(theta))
    return run, 1, lambda: np.asarray(run(), np.float64)


serve_products(build, numbers)

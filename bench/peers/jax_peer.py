"""JAX: all replicas as one array, steps by `lax.scan`, and its fastest generator for random bits."""

import jax
import jax.numpy as jnp
import numpy as np
from protocol import (
    Unsupported,
    data,
    linear_losses,
    noise_temperature,
    perceptron_layers,
    perceptron_losses,
    sde_loss,
    serve,
)


def _scanned(step, start, observe, unroll=1):
    """`step(state, key)` over a scan; states start as `start(replicas)`."""

    def run(key, replicas, steps):
        def body(state, _):
            key, state = state
            key, used = jax.random.split(key)
            return (key, step(state, used)), None

        (_, state), _ = jax.lax.scan(body, (key, start(replicas)), length=steps, unroll=unroll)
        return state

    run = jax.jit(run, static_argnums=(1, 2))

    def simulate(size, seed):
        key = jax.random.key(seed, impl="unsafe_rbg")
        state = jax.block_until_ready(run(key, size["replicas"], size["steps"]))
        return size["replicas"] * size["steps"], lambda: observe(state)

    return simulate


def build_linear(work, dtype):
    x, y = (jnp.asarray(a) for a in data(work, dtype))
    rate, batch = dtype.type(work["learning_rate"] / work["batch_size"]), work["batch_size"]

    def step(thetas, key):
        chosen = jax.random.randint(key, (thetas.shape[0], batch), 0, len(x), dtype=jnp.int32)

        def one(theta, chosen):
            rows = x[chosen]
            return theta - rate * ((rows @ theta - y[chosen, 0]) @ rows)

        return jax.vmap(one)(thetas, chosen)

    start = jnp.asarray(work["start"], dtype)
    return _scanned(step, lambda n: jnp.tile(start, (n, 1)), lambda thetas: [linear_losses(work, thetas)])


def build_perceptron(work, dtype):
    x, y = (jnp.asarray(a) for a in data(work, dtype))
    rate, batch = dtype.type(work["learning_rate"] / work["batch_size"]), work["batch_size"]
    layers = [jnp.asarray(layer, dtype) for layer in perceptron_layers(work)]

    def step(state, key):
        chosen = jax.random.randint(key, (state[0].shape[0], batch), 0, len(x), dtype=jnp.int32)

        def one(w1, b1, w2, b2, chosen):
            a = x[chosen]
            u = jnp.tanh(a @ w1.T + b1)
            e = u @ w2.T + b2 - y[chosen]
            f = (e @ w2) * (1 - u * u)
            return w1 - rate * f.T @ a, b1 - rate * f.sum(0), w2 - rate * e.T @ u, b2 - rate * e.sum(0)

        return jax.vmap(one)(*state, chosen)

    def start(n):
        return tuple(jnp.broadcast_to(layer, (n, *layer.shape)) for layer in layers)

    return _scanned(step, start, lambda state: [perceptron_losses(work, *state)])


def build_sde(work, dtype):
    h, low, dt = work["curvature"], work["minimum_loss"], work["step"]
    variance = 2 * noise_temperature(work) * dt

    def step(theta, key):
        z = jax.random.normal(key, theta.shape, dtype)
        return theta - h * dt * theta + jnp.sqrt(variance * (low + 0.5 * h * theta * theta)) * z

    return _scanned(step, lambda n: jnp.full(n, work["start"], dtype), lambda theta: [sde_loss(work, theta)], unroll=4)


def build_log_landscape(work, dtype):
    h, low, dt = work["curvature"], work["minimum_loss"], work["step"]
    kick = (2 * noise_temperature(work) * dt) ** 0.5

    def step(state, key):
        theta, clock = state
        dt_of_loss = dt / (low + 0.5 * h * theta * theta)
        z = jax.random.normal(key, theta.shape, dtype)
        return theta - h * theta * dt_of_loss + kick * z, clock + dt_of_loss

    def start(n):
        return jnp.full(n, work["start"], dtype), jnp.zeros(n, dtype)

    return _scanned(step, start, lambda state: [sde_loss(work, state[0]), state[1]], unroll=4)


BUILDERS = {
    "linear": build_linear,
    "perceptron": build_perceptron,
    "sde": build_sde,
    "log-landscape": build_log_landscape,
}


def build(name, work, dtype):
    if name not in BUILDERS:
        raise Unsupported
    jax.config.update("jax_enable_x64", dtype == np.float64)
    return BUILDERS[name](work, dtype)


serve(build)

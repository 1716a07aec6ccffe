"""diffrax: the scalar SDE by its Euler solver and its cheapest Brownian path."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from protocol import Unsupported, noise_temperature, sde_loss, serve


def build(name, work, dtype):
    if name != "sde":
        raise Unsupported
    jax.config.update("jax_enable_x64", dtype == np.float64)
    h, low, dt = work["curvature"], work["minimum_loss"], work["step"]
    strength = 2 * noise_temperature(work)

    def drift(_t, theta, _args):
        return -h * theta

    def diffusion(_t, theta, _args):
        return jnp.sqrt(strength * (low + 0.5 * h * theta * theta))

    def path(key, steps):
        brownian = diffrax.UnsafeBrownianPath(shape=(), key=key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, brownian))
        return diffrax.diffeqsolve(
            terms,
            diffrax.Euler(),
            0.0,
            steps * dt,
            dt,
            jnp.asarray(work["start"], dtype),
            adjoint=diffrax.DirectAdjoint(),
            max_steps=steps + 1,
        ).ys[0]

    def paths(key, replicas, steps):
        return jax.vmap(lambda key: path(key, steps))(jax.random.split(key, replicas))

    paths = jax.jit(paths, static_argnums=(1, 2))

    def simulate(size, seed):
        replicas, steps = size["replicas"], size["steps"]
        theta = jax.block_until_ready(paths(jax.random.key(seed), replicas, steps))
        return replicas * steps, lambda: [sde_loss(work, theta)]

    return simulate


serve(build)

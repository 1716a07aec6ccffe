"""JAX: networks of all layers and losses, each written as simply as its definition; gradients, products with `jvp` of `grad`, samples'
gradients by `vmap` of `grad`."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from protocol import numbers, serve_products

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
# Numbers are held against each other within so many joint errors.
LIMIT = 4.5

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky-relu": lambda x: jnp.where(x > 0, x, 0.01 * x),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu-tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "identity": lambda x: x,
}

LOSSES = [
    lambda f, y: 0.5 * jnp.sum((f - y) ** 2),
    lambda f, y: -jnp.sum(y * jax.nn.log_softmax(f)),
    lambda f, y: jnp.sum(jax.nn.softplus(f) - y * f),
    lambda f, y: jnp.sum(jnp.where(jnp.abs(f - y) <= 1, 0.5 * (f - y) ** 2, jnp.abs(f - y) - 0.5)),
]


class Parameters:
    """Numbers that layers take one after the other."""

    def __init__(self, theta):
        self.theta, self.first = theta, 0

    def take(self, *shape):
        count = math.prod(shape)
        self.first += count
        return self.theta[self.first - count : self.first].reshape(shape)


def two(value):
    return list(value) if isinstance(value, list) else [value, value]


def windows(x, layer, kernel, fill):
    """Numbers of each window, kernel first, and which of them are inside the image and inside its padding."""
    k, s, p = two(kernel), two(layer.get("stride", kernel)), two(layer.get("padding", 0))
    sides = []
    for side, k_, s_, p_ in zip(x.shape[2:], k, s, p):
        room = side + 2 * p_ - k_
        count = (-(-room // s_) if layer.get("ceil_mode") else room // s_) + 1
        sides.append(count - ((count - 1) * s_ >= side + p_))
    # Enough for windows that go beyond the padding.
    far = [(p_, p_ + k_ + s_) for k_, s_, p_ in zip(k, s, p)]
    inside, padded = np.pad(np.ones(x.shape[2:]), far), np.pad(np.ones([n + 2 * p_ for n, p_ in zip(x.shape[2:], p)]), [(0, k_ + s_) for k_, s_ in zip(k, s)])
    x = jnp.pad(x, [(0, 0), (0, 0), *far], constant_values=fill)
    cut = lambda a, i, j: a[..., i : i + s[0] * (sides[0] - 1) + 1 : s[0], j : j + s[1] * (sides[1] - 1) + 1 : s[1]]
    places = [(i, j) for i in range(k[0]) for j in range(k[1])]
    return [jnp.stack([cut(a, i, j) for i, j in places]) for a in (x, inside, padded)]


def normalised(x, axes, epsilon):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / jnp.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def scaled(x, layer, parameters, shape):
    """With gains and biases of this shape."""
    if layer.get("scale", True):
        x = x * parameters.take(*shape)
        if layer.get("bias", True):
            x = x + parameters.take(*shape)
    return x


def of(layers, x, parameters):
    """What the layers make of samples `x`."""
    for layer in layers:
        if isinstance(layer, str) and layer in ACTIVATIONS:
            x = ACTIVATIONS[layer](x)
            continue
        if layer == "flatten":
            x = x.reshape(len(x), -1)
            continue
        layer = {layer: True} if isinstance(layer, str) else layer
        channels = (x.shape[1],) + (1,) * (x.ndim - 2)
        if "linear" in layer:
            x = x @ parameters.take(layer["linear"], x.shape[1]).T
            x = x + parameters.take(layer["linear"]) if layer.get("bias", True) else x
        elif "conv2d" in layer:
            groups, padding = layer.get("groups", 1), [(p, p) for p in two(layer.get("padding", 0))]
            w = parameters.take(layer["conv2d"], x.shape[1] // groups, *two(layer["kernel"]))
            stride, dilation = two(layer.get("stride", 1)), two(layer.get("dilation", 1))
            x = lax.conv_general_dilated(x, w, stride, padding, rhs_dilation=dilation, feature_group_count=groups)
            x = x + parameters.take(layer["conv2d"], 1, 1) if layer.get("bias", True) else x
        elif "max-pool2d" in layer:
            x = windows(x, layer, layer["max-pool2d"], -1e30)[0].max(0)
        elif "avg-pool2d" in layer:
            found, inside, padded = windows(x, layer, layer["avg-pool2d"], 0.0)
            x = found.sum(0) / (padded if layer.get("count_include_pad", True) else inside).sum(0).astype(x.dtype)
        elif "layer-norm" in layer:
            x = scaled(normalised(x, tuple(range(1, x.ndim)), layer.get("epsilon", 1e-5)), layer, parameters, x.shape[1:])
        elif "group-norm" in layer:
            shape = x.shape
            grouped = x.reshape(len(x), layer["group-norm"], -1)
            x = scaled(normalised(grouped, 2, layer.get("epsilon", 1e-5)).reshape(shape), layer, parameters, channels)
        elif "batch-norm" in layer:
            x = scaled(x / math.sqrt(1 + layer.get("epsilon", 1e-5)), layer, parameters, channels)
        elif "leaky-relu" in layer:
            x = jnp.where(x > 0, x, layer["leaky-relu"] * x)
        else:
            # One branch after the other, as their parameters are.
            block = of(layer["residual"], x, parameters)
            x = block + of(layer.get("shortcut", []), x, parameters)
    return x


def vectors(network, samples, dtype):
    """The gradient, products with `H`, `G` and `C`, and the squared norms of samples' gradients, by each loss."""
    layers, shape, size = network["layers"], network["shape"], network["parameters"]
    x = jnp.asarray(numbers(0.37, samples * math.prod(shape)).reshape(samples, *shape), dtype)
    y = jnp.asarray(np.eye(10)[np.arange(samples) % 10], dtype)
    theta, v = jnp.asarray(0.6 * numbers(0.61, size), dtype), jnp.asarray(numbers(0.83, size), dtype)
    outputs = lambda theta, x: of(layers, x, Parameters(theta))
    for loss in LOSSES:
        mean = lambda f: jnp.mean(jax.vmap(loss)(f, y))
        gradient = jax.grad(lambda theta: mean(outputs(theta, x)))
        yield gradient(theta)
        yield jax.jvp(gradient, (theta,), (v,))[1]
        f, along = jax.jvp(lambda theta: outputs(theta, x), (theta,), (v,))
        _, back = jax.vjp(lambda theta: outputs(theta, x), theta)
        yield back(jax.jvp(jax.grad(mean), (f,), (along,))[1])[0]
        rows = jax.vmap(jax.grad(lambda theta, x, y: loss(outputs(theta, x[None])[0], y)), (None, 0, 0))(theta, x, y)
        apart = rows - rows.mean(0)
        yield apart.T @ (apart @ v) / samples
        yield (rows**2).sum(1)


def build(work, dtype):
    if dtype == np.float64:
        jax.config.update("jax_enable_x64", True)
    rounding = TOLERANCE[dtype.name] / (LIMIT * math.sqrt(2))

    def check():
        found = [np.asarray(vector, np.float64) for network in work["networks"] for vector in vectors(network, work["samples"], dtype)]
        return [(value, rounding * np.abs(vector).max()) for vector in found for value in vector]

    return lambda: None, 1, check


serve_products(build, numbers)

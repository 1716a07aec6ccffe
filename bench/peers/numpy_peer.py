"""NumPy: the perceptron's replicas as stacks of matrices."""

import numpy as np
from protocol import Unsupported, data, perceptron_layers, perceptron_losses, serve


def build(name, work, dtype):
    if name != "perceptron":
        raise Unsupported
    x, y = data(work, dtype)
    batch = work["batch_size"]
    rate = dtype.type(work["learning_rate"] / batch)

    def simulate(size, seed):
        rng = np.random.Generator(np.random.SFC64(seed))
        replicas = size["replicas"]
        w1, b1, w2, b2 = (np.repeat(layer[None].astype(dtype), replicas, axis=0) for layer in perceptron_layers(work))
        b1, b2 = b1[:, None], b2[:, None]
        for _ in range(size["steps"]):
            chosen = rng.integers(len(x), size=(replicas, batch), dtype=np.uint32)
            a = x[chosen]
            u = np.matmul(a, w1.transpose(0, 2, 1))
            u += b1
            np.tanh(u, out=u)
            e = np.matmul(u, w2.transpose(0, 2, 1))
            e += b2
            e -= y[chosen]
            e *= rate
            f = np.matmul(e, w2)
            f *= 1 - u * u
            w1 -= np.matmul(f.transpose(0, 2, 1), a)
            b1 -= f.sum(axis=1, keepdims=True)
            w2 -= np.matmul(e.transpose(0, 2, 1), u)
            b2 -= e.sum(axis=1, keepdims=True)
        return replicas * size["steps"], lambda: [perceptron_losses(work, w1, b1[:, 0], w2, b2[:, 0])]

    return simulate


serve(build)

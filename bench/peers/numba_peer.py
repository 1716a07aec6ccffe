"""Numba: loops over replicas with `prange`, as its users write them by hand."""

import numba_sde
import numba_sgd
from protocol import Unsupported, serve

BUILDERS = {
    "linear": numba_sgd.build_linear,
    "sinusoid-1": numba_sgd.build_sinusoid,
    "sinusoid-8": numba_sgd.build_sinusoid,
    "phase-retrieval-1": numba_sgd.build_phase_retrieval,
    "phase-retrieval-8": numba_sgd.build_phase_retrieval,
    "sde": numba_sde.build,
    "log-landscape": numba_sde.build,
}


def build(name, work, dtype):
    if name not in BUILDERS:
        raise Unsupported
    return BUILDERS[name](name, work, dtype)


serve(build)

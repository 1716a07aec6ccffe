"""pytams: trajectory-adaptive multilevel splitting from one well to the other."""

import logging
import math
import os
import tempfile

import numpy as np
from protocol import THREADS, Unsupported, serve
from pytams.fmodel import ForwardModelBaseClass
from pytams.tams import TAMS

# It keeps its log and its data base in the current folder.
os.chdir(tempfile.mkdtemp())


class DoubleWell(ForwardModelBaseClass):
    """Euler steps of dθ = (θ − θ³) dt + √(2D) dW."""

    def _init_model(self, m_id, params):
        model = params["model"]
        self.start, self.end = model["start"], model["end"]
        self.deviation = math.sqrt(2 * model["temperature"])
        self.theta = self.start
        self.random = np.random.default_rng([model["seed"], m_id])

    def _advance(self, _step, _time, dt, noise, _need_end_state):
        x = self.theta
        self.theta = x + (x - x**3) * dt + self.deviation * math.sqrt(dt) * noise
        return dt

    def _trajectory_branching_hook(self):
        self.random = np.random.default_rng()

    def get_current_state(self):
        return self.theta

    def set_current_state(self, state):
        self.theta = state

    def score(self):
        return (self.theta - self.start) / (self.end - self.start)

    def make_noise(self):
        return self.random.standard_normal()

    @classmethod
    def name(cls):
        return "double-well"


def build(name, work, dtype):
    if name != "double-well" or dtype != np.float64:
        raise Unsupported
    count = 0

    def estimate(seed):
        nonlocal count
        count += 1
        tams = {
            "ntrajectories": work["trajectories"],
            "nsplititer": 100 * work["trajectories"],
            "loglevel": "ERROR",
        }
        trajectory = {
            "end_time": work["horizon"],
            "step_size": work["step"],
            "targetscore": 1.0,
        }
        model = {key: work[key] for key in ("start", "end", "temperature")} | {"seed": 100_000 * seed + count}
        runner = {"type": "asyncio", "nworker_init": THREADS, "nworker_iter": THREADS}
        parameters = {"tams": tams, "trajectory": trajectory, "model": model, "runner": runner}
        return run(parameters)

    def simulate(size, seed):
        estimates = [estimate(seed) for _ in range(size["estimates"])]
        return work["trajectories"] * len(estimates), lambda: [estimates]

    return simulate


def run(parameters):
    """The probability that one run of pytams gives."""
    with open("input.toml", "w") as file:
        import toml

        toml.dump(parameters, file)
    logging.disable(logging.CRITICAL)
    return TAMS(fmodel_t=DoubleWell, a_args=["-i", "input.toml"]).compute_probability()


serve(build)

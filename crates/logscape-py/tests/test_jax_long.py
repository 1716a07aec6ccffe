"""Models of JAX at work for long: Ctrl-C, memory, several at once."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import logscape
import numpy as np
import pytest
from conftest import finished, python, resident
from test_interrupt import wait_for

pytest.importorskip("jax")

SCRIPT = """
import time

import logscape
import logscape.jax
import numpy as np

x = np.linspace(-1, 2, 60)[:, None]
y = 0.7 * x + 0.3 * np.sin(40 * x)
problem = logscape.jax.problem(lambda theta, x: x * theta, np.array([0.1]), x, y)
study = {
    "name": "long",
    "sgd": {"learning_rate": 0.02, "batch_size": 1},
    "escape": {"region": {"loss-factor": 50.0}, "method": "direct", "replicas": 64, "max_steps": 10_000_000},
}

def hear(event):
    if event["event"] == "setting":
        print("at work", flush=True)

try:
    logscape.run(study, problem=problem, to="record", checkpoint_every=0.1, progress=hear)
except KeyboardInterrupt as stopped:
    print("stopped", time.time(), repr(stopped.__notes__), flush=True)
"""


def test_ctrl_c_stops_a_run_by_calls_at_once(tmp_path: Path) -> None:
    process = python("-c", SCRIPT, at=tmp_path)
    wait_for(process, "at work")
    # Until its steps are compiled, which is not interrupted.
    time.sleep(4)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    said = wait_for(process, "stopped")
    heard = float(said.split()[1]) - sent
    code, _, error = finished(process)
    print(f"heard after {heard:.3f} s")
    assert code == 0, error
    assert heard < 1.0
    assert "resume=True" in said and (tmp_path / "record.partial").exists()


TWICE = """
import os, signal, threading, time
import jax, jax.numpy as jnp, logscape.jax, numpy as np

random = np.random.default_rng(0)
x, y = random.normal(size=(500, 4)), random.normal(size=(500, 1))
params = {"a": random.normal(size=(4, 8)), "b": random.normal(size=(8, 1))}

# Seconds of one call, with the compilation.
def apply(p, x):
    return jax.lax.scan(lambda h, _: (h + 0.1 * jnp.tanh(h @ p["a"]) @ p["b"], None), x, None, length=2_000)[0][:, :1]

problem = logscape.jax.problem(apply, params, x, y)
train = {"optimiser": "adam", "learning_rate": 0.01, "batch_size": 8, "steps": 10**6}

def send():
    for seconds in (SECONDS, 0.06):
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=send, daemon=True).start()
begin = time.monotonic()
try:
    logscape.run({"name": "long", "minimum": {"train": train}}, problem=problem, to="record", progress=False)
except KeyboardInterrupt as stopped:
    # The second signal may still be on its way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("stopped", time.monotonic() - begin, *stopped.__notes__, flush=True)
"""


@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_a_second_ctrl_c_ends_the_wait_for_a_call(tmp_path: Path, seconds: float) -> None:
    process = python("-c", TWICE.replace("SECONDS", str(seconds)), at=tmp_path)
    code, out, error = finished(process)
    # The process ends in order though the library was at work.
    assert code == 0, error
    word, taken, note = out.rstrip().split(" ", 2)
    assert word == "stopped" and float(taken) < seconds + 1.0
    assert "ends by itself" in note or "resume=True" in note


def line(slope: float) -> logscape.Problem:
    import logscape.jax

    x = np.linspace(-1, 2, 60)[:, None]
    y = slope * x + 0.3 * np.sin(40 * x)
    return logscape.jax.problem(lambda theta, x: x * theta, np.array([0.1]), x, y)


def test_memory_does_not_grow_over_calls() -> None:
    problem = line(0.7)

    def work(times: int) -> None:
        for _ in range(times):
            assert problem.loss() > 0

    work(200)
    before = resident()
    work(1_000)
    # A leak of the residuals of a call, half a kilobyte, would stay below this, one of a thread of its own or of an array of JAX would not.
    assert resident() - before < 4e6


def test_problems_in_several_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    slopes = [0.2, 0.5, 0.9]
    found: dict[float, float] = {}

    def measure(slope: float) -> None:
        minimum = line(slope).minimum(progress=False)
        found[slope] = float(np.asarray(minimum.parameters)[0])

    threads = [threading.Thread(target=measure, args=(slope,)) for slope in slopes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    x = np.linspace(-1, 2, 60)
    for slope in slopes:
        wanted = (x * (slope * x + 0.3 * np.sin(40 * x))).sum() / (x * x).sum()
        assert found[slope] == pytest.approx(wanted, abs=1e-9)

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

"""Runs that nobody waits for."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import logscape
import pytest
from conftest import WAVE, finished, numbers, python, wait_for_work


def test_a_run_that_nobody_waits_for_comes_to_the_same_record(folder: Path, wave: logscape.Record) -> None:
    run = logscape.run(WAVE, to=folder / "record", blocking=False)
    assert run.folder == folder / "record"
    record = run.result(timeout=60)
    assert run.done() and "ended" in repr(run)
    assert numbers(record) == numbers(wave) == numbers(run.result())
    assert run.progress == {"event": "finished", "record": str(folder / "record")}


def test_it_can_be_cancelled_and_gone_on_with(folder: Path) -> None:
    place = folder / "record"
    endless = {"escape.max_steps": 10**9}
    run = logscape.run(folder / "long.toml", to=place, set=endless, checkpoint_every=0.1, blocking=False)
    wait_for_work(place, lambda: not run.done())
    with pytest.raises(TimeoutError):
        run.result(timeout=0.05)
    assert not run.done() and "at work" in repr(run)
    with pytest.raises(logscape.Error, match="at work"):
        logscape.run(folder / "long.toml", to=place, progress=False)
    run.cancel()
    with pytest.raises(logscape.Interrupted, match="resume=True") as raised:
        run.result(timeout=10)
    assert raised.value.folder == place.with_name("record.partial")
    assert raised.value.hint == "continue with the same call and resume=True"
    with pytest.raises(logscape.Error, match="resume=True"):
        logscape.open(place)
    again = logscape.run(folder / "long.toml", to=place, set=endless, resume=True, blocking=False)
    again.cancel()
    with pytest.raises(logscape.Interrupted):
        again.result(timeout=10)


@pytest.mark.parametrize("last", ["", "run.pause()"])
def test_it_ends_with_the_process_and_what_was_done_is_kept(folder: Path, last: str) -> None:
    fewer = {"escape.max_steps": 30_000_000}
    script = f"""
import logscape, time
run = logscape.run("long.toml", to="record", set={fewer}, threads=1, checkpoint_every=3600, blocking=False)
while (run.progress or {{}}).get("name") != "predictions":
    time.sleep(0.01)
time.sleep(0.1)
{last}
"""
    assert finished(python("-c", script, at=folder)) == (0, "", "")
    assert list(folder.glob("record.partial/ensembles/escape-*"))
    resumed = logscape.run(folder / "long.toml", to=folder / "record", set=fewer, resume=True, progress=False)
    whole = logscape.run(folder / "long.toml", to=folder / "whole", set=fewer, progress=False)
    assert numbers(resumed) == numbers(whole)


@pytest.mark.parametrize("seconds", [0.1, 1.5])
def test_a_process_ends_while_a_model_is_called(tmp_path: Path, seconds: float) -> None:
    pytest.importorskip("jax")
    script = f"""
import time
import jax.numpy as jnp, logscape.jax, numpy as np

random = np.random.default_rng(0)
x, y = random.normal(size=(500, 4)), random.normal(size=(500, 1))
params = {{"a": random.normal(size=(4, 8)), "b": random.normal(size=(8, 1))}}
problem = logscape.jax.problem(lambda p, x: jnp.tanh(x @ p["a"]) @ p["b"], params, x, y)
train = {{"optimiser": "adam", "learning_rate": 0.01, "batch_size": 8, "steps": 10**6}}
run = logscape.run({{"name": "long", "minimum": {{"train": train}}}}, problem=problem, to="record", blocking=False)
time.sleep({seconds})
print(run.done())
"""
    code, out, error = finished(python("-c", script, at=tmp_path))
    assert (code, out) == (0, "False\n"), error


def test_its_errors_come_with_its_result(folder: Path) -> None:
    run = logscape.run(folder / "long.toml", to=folder / "record", set={"problem.data.path": "nowhere.csv"}, blocking=False)
    for _ in range(2):
        with pytest.raises(logscape.StudyError, match="nowhere.csv") as raised:
            run.result(timeout=60)
        assert raised.value.field == "problem.data"


def test_a_callable_is_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match=r"Run\.progress"):
        logscape.run(folder / "wave.toml", progress=print, blocking=False)  # type: ignore[call-overload]


def test_a_pause_changes_no_byte(folder: Path) -> None:
    place = folder / "record"
    # Nothing is kept meanwhile but for the pause.
    fewer = {"escape.max_steps": 3_000_000}
    run = logscape.run(folder / "long.toml", to=place, set=fewer, threads=1, checkpoint_every=3600, blocking=False)
    wait_for_sampling(run)
    run.pause()
    time.sleep(0.5)
    progress = run.progress
    assert progress is not None and progress["event"] == "paused" and progress["last"]["event"]
    assert "paused" in repr(run) and not run.done()
    # What was done is kept before the waiting.
    assert list(place.parent.glob("record.partial/ensembles/escape-*"))
    used = time.process_time()
    with pytest.raises(TimeoutError, match=r"paused.*resume\(\)"):
        run.result(timeout=1.5)
    used = time.process_time() - used
    print(f"{used:.4f} s of processor time in 1.5 s")
    assert used < 0.05
    # A second one is the same pause.
    run.pause()
    run.resume()
    record = run.result(timeout=120)
    assert "ended" in repr(run) and run.progress is not None and run.progress["event"] == "finished"
    run.pause()
    assert "ended" in repr(run) and run.progress["event"] == "finished"
    whole = logscape.run(folder / "long.toml", to=folder / "whole", set=fewer, progress=False)
    assert numbers(record) == numbers(whole)
    # The record says how long the stages took, and leaves the pause out.
    begun, ended = (datetime.fromisoformat(record.manifest[name].rstrip("Z")) for name in ("started", "finished"))
    seconds = sum(record.manifest["seconds"].values())
    assert 0 < seconds < (ended - begun).total_seconds() + 1 - 1.9


def test_pauses_in_every_stage_change_no_byte(folder: Path) -> None:
    study = {
        "name": "stages",
        "problem": {
            "kind": "network",
            "layers": [{"linear": 3}, "tanh", {"linear": 1}],
            "data": WAVE["problem"]["data"],
        },
        "minimum": {
            "train": {"optimiser": "adam", "learning_rate": 0.01, "batch_size": 4, "steps": 200_000, "measure_every": 50_000},
            "accept": True,
        },
        "curvature": {"matrices": ["hessian", "noise-covariance"], "density_probes": 4, "density_steps": 8},
        "sgd": {"learning_rate": 0.1, "batch_size": 2},
        "stationary": {"replicas": 16, "burn_in": 100, "steps": 20_000},
        "escape": {"region": {"loss-factor": 1.5}, "method": "direct", "replicas": 64, "max_steps": 100_000},
        "output": {"trajectories": {"every": 10, "replicas": 2, "steps": 100}},
    }
    run = logscape.run(study, to=folder / "record", blocking=False)
    pauses = []
    while not run.done():
        run.pause()
        time.sleep(0.01)
        last = run.progress
        run.resume()
        if last is not None and last["event"] == "paused" and last["last"] is not None:
            pauses.append((last["last"]["event"], last["last"].get("name")))
        time.sleep(0.02)
    assert len(pauses) > 5 and len(set(pauses)) > 2, pauses
    whole = logscape.run(study, to=folder / "whole", progress=False)
    assert numbers(run.result()) == numbers(whole)


def test_cancel_is_heard_while_it_is_paused(folder: Path) -> None:
    place, endless = folder / "record", {"escape.max_steps": 10**9}
    run = logscape.run(folder / "long.toml", to=place, set=endless, blocking=False)
    wait_for_sampling(run)
    run.pause()
    time.sleep(0.5)
    begun = time.monotonic()
    run.cancel()
    with pytest.raises(logscape.Interrupted, match="resume=True"):
        run.result(timeout=10)
    heard = time.monotonic() - begun
    print(f"heard after {heard:.3f} s")
    assert heard < 1.0
    again = logscape.run(folder / "long.toml", to=place, set=endless, resume=True, blocking=False)
    again.pause()
    again.cancel()
    with pytest.raises(logscape.Interrupted):
        again.result(timeout=10)


def wait_for_sampling(run: logscape.Run) -> None:
    """Wait until replicas are at work."""
    while (run.progress or {}).get("name") != "predictions":
        assert not run.done()
        time.sleep(0.01)
    time.sleep(0.1)

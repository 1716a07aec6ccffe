"""Runs that nobody waits for."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import logscape
import pytest
from conftest import WAVE, numbers, wait_for_work


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
    run = logscape.run(folder / "long.toml", to=place, threads=1, checkpoint_every=3600, blocking=False)
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
    whole = logscape.run(folder / "long.toml", to=folder / "whole", progress=False)
    assert numbers(record) == numbers(whole)
    # The record says how long the stages took, and leaves the pause out.
    begun, ended = (datetime.fromisoformat(record.manifest[name].rstrip("Z")) for name in ("started", "finished"))
    seconds = sum(record.manifest["seconds"].values())
    assert 0 < seconds < (ended - begun).total_seconds() + 1 - 1.9


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

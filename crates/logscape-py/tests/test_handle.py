"""Runs that nobody waits for."""

from __future__ import annotations

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

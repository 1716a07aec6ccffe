"""Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import logscape
import pytest
from conftest import finished, numbers, python, wait_for_work
from logscape import _run

SCRIPT = """
import logscape, sys, time

def hear(event):
    if event["event"] == "setting":
        print("at work", flush=True)

try:
    logscape.run("long.toml", to="record", threads=1, checkpoint_every=0.1, progress={progress})
except KeyboardInterrupt as stopped:
    print("stopped", time.time(), repr(stopped.__notes__), flush=True)
"""


def wait_for(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None and process.stderr is not None
    while line := process.stdout.readline():
        if line.startswith(word):
            return line
    raise AssertionError(process.stderr.read())


def test_it_stops_a_run_at_once_and_the_run_goes_on_to_the_same_bytes(folder: Path) -> None:
    process = python("-c", SCRIPT.format(progress="hear"), at=folder)
    wait_for(process, "at work")
    time.sleep(0.2)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    said = wait_for(process, "stopped")
    heard = float(said.split()[1]) - sent
    code, _, error = finished(process)
    print(f"heard after {heard:.3f} s")
    assert code == 0, error
    assert heard < 1.0
    assert "record.partial" in said and "resume=True" in said
    assert not (folder / "record").exists()
    resumed = logscape.run(folder / "long.toml", to=folder / "record", resume=True, progress=False)
    whole = logscape.run(folder / "long.toml", to=folder / "whole", progress=False)
    assert numbers(resumed) == numbers(whole)


def test_it_stops_a_run_that_nobody_hears_of(folder: Path) -> None:
    process = python("-c", SCRIPT.format(progress="False"), at=folder)
    wait_for_work(folder / "record", lambda: process.poll() is None)
    process.send_signal(signal.SIGINT)
    code, out, error = finished(process)
    assert code == 0 and out.startswith("stopped") and "resume=True" in out, error


def test_it_ends_a_wait_for_a_run_and_not_the_run(folder: Path) -> None:
    script = """
import logscape
run = logscape.run("long.toml", to="record", threads=1, blocking=False)
try:
    print("at work", flush=True)
    run.result()
except KeyboardInterrupt:
    assert not run.done()
    print(run.result())
"""
    process = python("-c", script, at=folder)
    wait_for(process, "at work")
    process.send_signal(signal.SIGINT)
    code, out, error = finished(process)
    assert code == 0 and "logscape.Record long" in out, error


def test_it_ends_a_wait_for_a_run_that_is_paused(folder: Path) -> None:
    script = """
import logscape, time
run = logscape.run("long.toml", to="record", threads=1, blocking=False)
run.pause()
time.sleep(0.3)
try:
    print("paused", flush=True)
    run.result()
except KeyboardInterrupt:
    print("stopped", time.time(), run.progress["event"], flush=True)
    run.resume()
    print(run.result())
"""
    process = python("-c", script, at=folder)
    wait_for(process, "paused")
    time.sleep(0.1)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    _, heard, event = wait_for(process, "stopped").split()
    print(f"heard after {float(heard) - sent:.3f} s")
    assert float(heard) - sent < 1.0 and event == "paused"
    code, out, error = finished(process)
    assert code == 0 and "logscape.Record long" in out, error


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_the_command_with_its_words_and_without_those_of_python(folder: Path, name: signal.Signals) -> None:
    command = ["-m", "logscape", "run", "long.toml", "--out", "record", "--checkpoint-every", "0.1"]
    process = python(*command, at=folder)
    wait_for_work(folder / "record", lambda: process.poll() is None)
    process.send_signal(name)
    code, out, error = finished(process)
    assert (code, out) == (1, "")
    assert "error: interrupted; what was done is kept in record.partial" in error
    assert "Traceback" not in error and "KeyboardInterrupt" not in error


def test_it_ends_the_command_where_that_does_not_listen(folder: Path) -> None:
    # Before the command listens, Ctrl-C ends the process as it ends any.
    script = """
import time
from logscape import __main__
__main__.command = lambda arguments: (print("at work", flush=True), time.sleep(60))
__main__.main()
"""
    process = python("-c", script, at=folder)
    wait_for(process, "at work")
    process.send_signal(signal.SIGINT)
    assert finished(process)[0] == -signal.SIGINT


def test_one_more_signal_while_a_run_is_given_up_is_heard_once() -> None:
    class Ending:
        """A run that a signal has stopped, and another one meets while it says what was kept."""

        place = None
        asked = 0

        def follow(self, _: object) -> None:
            raise KeyboardInterrupt

        def note(self) -> str:
            self.asked += 1
            if self.asked == 1:
                raise KeyboardInterrupt
            return "kept"

        def done(self) -> bool:
            return True

    with pytest.raises(KeyboardInterrupt) as stopped:
        _run._ended(cast(Any, Ending()), None, lambda run: run)
    assert getattr(stopped.value, "__notes__", None) == ["kept"]

"""Runs, and who hears of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest
from conftest import WAVE, WAVE_TEXT, finished, numbers, python


def test_a_dict_a_text_a_file_and_the_command_come_to_the_same_bytes(folder: Path, wave: logscape.Record) -> None:
    expected = numbers(wave)
    assert len(expected) > 6
    text = logscape.run(WAVE_TEXT, to=folder / "text", progress=False)
    file = logscape.run(folder / "wave.toml", to=folder / "file", progress=False, threads=1)
    assert numbers(text) == expected and numbers(file) == expected
    command = ["-m", "logscape", "run", "wave.toml", "--out", "command", "--threads", "1"]
    code, out, _ = finished(python(*command, at=folder))
    assert code == 0 and "report: command/report.html" in out
    assert numbers(folder / "command") == expected
    # The seed is what makes them the same.
    other = logscape.run(WAVE_TEXT, to=folder / "other", seed=4, progress=False)
    assert numbers(other)["results.json"] != expected["results.json"]


def test_values_are_set_over_those_of_the_study(folder: Path) -> None:
    rates = np.array([0.1, 0.3])
    record = logscape.run(
        folder / "wave.toml",
        to=folder / "record",
        set={"sgd.learning_rate": rates, "escape.replicas": np.int64(20), "name": "other"},
        seed=11,
        threads=2,
        progress=False,
    )
    assert [setting["learning_rate"] for setting in record.results["settings"]] == [0.1, 0.3]
    assert record.results["study"] == "other" and "replicas = 20" in record.study
    assert record.manifest["seed"] == 11 and record.manifest["threads"] == 2
    again = logscape.run(
        WAVE,
        to=folder / "again",
        set=["sgd.learning_rate=[0.1,0.3]", "escape.replicas=20", "name=other", "seed=11"],
        progress=False,
    )
    assert numbers(again) == numbers(record)


def test_the_record_is_kept_under_the_name_of_the_study_unless_told(
    folder: Path, wave: logscape.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    record = logscape.run("wave.toml", progress=False)
    assert record.folder.parent == folder / "runs" and record.folder.name.startswith("wave-")
    assert numbers(record) == numbers(wave)


def test_a_callable_hears_every_event_on_the_calling_thread(folder: Path) -> None:
    heard: list[dict[str, Any]] = []
    threads = set()

    def hear(event: dict[str, Any]) -> None:
        heard.append(event)
        threads.add(threading.get_ident())

    record = logscape.run(folder / "wave.toml", to=folder / "record", progress=hear)
    names = [event["event"] for event in heard]
    assert threads == {threading.get_ident()}
    assert names[-1] == "finished" and heard[-1]["record"] == str(record.folder)
    settings = [event for event in heard if event["event"] == "setting"]
    assert [(event["number"], event["of"], event["learning_rate"]) for event in settings] == [(0, 2, 0.2), (1, 2, 0.4)]
    minimum = heard[names.index("minimum")]
    assert minimum["loss"] == record.results["minimum"]["loss"]


def test_what_a_callable_raises_stops_the_run(folder: Path) -> None:
    def refuse(event: dict[str, Any]) -> None:
        if event["event"] == "setting":
            raise LookupError("not this one")

    with pytest.raises(LookupError, match="not this one") as raised:
        logscape.run(folder / "long.toml", to=folder / "record", progress=refuse)
    assert any("record.partial" in note and "resume=True" in note for note in raised.value.__notes__)
    assert (folder / "record.partial").is_dir() and not (folder / "record").exists()


def test_lines_are_those_of_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logscape.run(folder / "wave.toml", to=folder / "record")
    code, _, said = finished(python("-m", "logscape", "run", "wave.toml", "--out", "command", at=folder))
    heard = capsys.readouterr().err

    def steady(text: str) -> list[str]:
        return [line.split("; about")[0] for line in text.splitlines()]

    assert code == 0 and len(steady(said)) > 5
    assert steady(heard) == steady(said)
    logscape.run(folder / "wave.toml", to=folder / "quiet", progress=False)
    assert capsys.readouterr().err == ""


def test_more_replicas_take_over_those_of_a_record(folder: Path, wave: logscape.Record) -> None:
    more = {"escape.replicas": 80}
    extended = logscape.run(WAVE, to=folder / "extended", set=more, extend=wave, progress=False)
    whole = logscape.run(WAVE, to=folder / "whole", set=more, progress=False)
    assert numbers(extended) == numbers(whole)


def test_runs_in_several_threads_do_not_disturb_each_other(folder: Path, wave: logscape.Record) -> None:
    records: dict[int, logscape.Record] = {}

    def work(threads: int) -> None:
        records[threads] = logscape.run(WAVE, to=folder / f"record-{threads}", threads=threads, progress=False)

    workers = [threading.Thread(target=work, args=(threads,)) for threads in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for threads in (1, 2, 3):
        assert records[threads].manifest["threads"] == threads
        assert numbers(records[threads]) == numbers(wave)

"""What is wrong, where, and how to mend it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import logscape
import pytest
from conftest import WAVE, WAVE_TEXT, finished, python

NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"sgd": {"learning_rate": -0.1, "batch_size": 1}}, "sgd.learning_rate", "sgd.learning_rate"),
        ({"sgd": {"learning_rat": 0.1, "batch_size": 1}}, "sgd.learning_rat", "did you mean `learning_rate`?"),
        ({"sgd": {"learning_rate": 0.1}}, "sgd.batch_size", "missing field `batch_size`"),
        ({"seed": "seven"}, "seed", "expected u64"),
        ({"seed": None}, "seed", "leave the field out"),
        ({"sgd": {"learning_rate": NAN, "batch_size": 1}}, None, "not JSON compliant"),
        ({"sgd": object()}, None, "no place for object"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changes: dict[str, Any], field: str | None, words: str) -> None:
    with pytest.raises(logscape.StudyError) as raised:
        logscape.run({**WAVE, **changes}, to=tmp_path / "record")
    assert raised.value.field == field
    assert words in str(raised.value)
    assert isinstance(raised.value, ValueError) and isinstance(raised.value, logscape.Error)
    assert not list(tmp_path.iterdir())
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.field, copy.hint) == (str(raised.value), field, raised.value.hint)


def test_words_are_those_of_the_command(folder: Path) -> None:
    wrong = WAVE_TEXT.replace("batch_size", "batch_sise")
    (folder / "wrong.toml").write_text(wrong)
    code, _, said = finished(python("-m", "logscape", "run", "wrong.toml", at=folder))
    assert code == 2
    with pytest.raises(logscape.StudyError) as raised:
        logscape.run(folder / "wrong.toml")
    assert raised.value.field == "sgd.batch_sise" and raised.value.hint == "did you mean `batch_size`?"
    assert str(raised.value).replace(f"{folder}/", "").split() == said.split()


def test_values_that_are_set_are_named(folder: Path) -> None:
    for assignments, field in [
        ({"sgd.batch_size": 0}, "sgd.batch_size"),
        ({"problem.data.path": None}, "problem.data.path"),
        (["sgd.batch_size"], "sgd.batch_size"),
    ]:
        with pytest.raises(logscape.StudyError) as raised:
            logscape.run(folder / "wave.toml", set=assignments)  # type: ignore[call-overload]
        assert raised.value.field == field
        assert "--" not in str(raised.value)


def test_a_study_that_does_not_fit_its_data_is_named(folder: Path) -> None:
    (folder / "data.csv").write_text("x,y\n1,one\n")
    with pytest.raises(logscape.StudyError, match=r"data\.csv") as raised:
        logscape.run(folder / "long.toml", to=folder / "record", progress=False)
    assert raised.value.field == "problem.data" and raised.value.hint
    assert not (folder / "record").exists()
    with pytest.raises(logscape.StudyError, match="cannot read study"):
        logscape.run(folder / "nothing.toml")


def test_a_place_that_is_taken_is_left_alone(folder: Path, wave: logscape.Record) -> None:
    before = sorted(wave.folder.rglob("*"))
    with pytest.raises(logscape.Error, match="exists already") as raised:
        logscape.run(WAVE, to=wave.folder, progress=False)
    assert not isinstance(raised.value, logscape.StudyError)
    with pytest.raises(logscape.Error, match="is complete already"):
        logscape.run(WAVE, to=wave.folder, resume=True, progress=False)
    with pytest.raises(logscape.Error, match="holds something that is no record"):
        logscape.run(WAVE, to=folder, force=True, progress=False)
    assert sorted(wave.folder.rglob("*")) == before


def test_options_that_make_no_sense_are_refused(folder: Path) -> None:
    study = folder / "wave.toml"
    with pytest.raises(ValueError, match="exclude each other"):
        logscape.run(study, force=True, resume=True)
    with pytest.raises(ValueError, match="exclude each other"):
        logscape.run(study, extend=folder, resume=True)
    with pytest.raises(ValueError, match="threads"):
        logscape.run(study, threads=0)
    with pytest.raises(ValueError, match="between 0.01 and 1e9 seconds"):
        logscape.run(study, checkpoint_every=0.0)
    with pytest.raises(ValueError, match="500MB"):
        logscape.run(study, memory="much")
    assert not (folder / "runs").exists()


def test_what_takes_too_much_memory_is_refused(folder: Path) -> None:
    # The limit is the process's.
    script = """
import logscape
try:
    logscape.run("wave.toml", to="record", memory="8GB", set={"escape.replicas": 10**12}, progress=False)
except logscape.StudyError as error:
    print(error)
"""
    code, out, error = finished(python("-c", script, at=folder))
    assert code == 0 and "the limit is 8.0 GB" in out, error

"""Studies that the tests share, and what is compared of records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import logscape
import pytest

# Escapes over a loss level that are seen directly, with a stationary law, in a fraction of a second.
WAVE: dict[str, Any] = {
    "name": "wave",
    "seed": 3,
    "problem": {
        "kind": "sinusoid",
        "data": {
            "synthetic": {
                "kind": "sinusoid",
                "samples": 40,
                "from": 0.0,
                "to": 3.0,
                "frequency": 3.0,
                "noise": 0.3,
            }
        },
    },
    "minimum": {"start": [3.1]},
    "sgd": {"learning_rate": [0.2, 0.4], "batch_size": 1},
    "dynamics": [{"kind": "heavy-ball", "momentum": 0.5}],
    "stationary": {"replicas": 32, "burn_in": 200, "steps": 500},
    "escape": {"region": {"loss-factor": 1.5}, "method": "direct", "replicas": 50, "max_steps": 20_000},
    "output": {"trajectories": {"every": 10, "replicas": 2, "steps": 100}},
}

# The same as a text.
WAVE_TEXT = """name = "wave"
seed = 3
dynamics = [{ kind = "heavy-ball", momentum = 0.5 }]

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 40, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [3.1]

[sgd]
learning_rate = [0.2, 0.4]
batch_size = 1

[stationary]
replicas = 32
burn_in = 200
steps = 500

[escape]
region = { loss-factor = 1.5 }
method = "direct"
replicas = 50
max_steps = 20_000

[output]
trajectories = { every = 10, replicas = 2, steps = 100 }
"""

# No replica escapes, so that all of their steps are run: some seconds on one thread.
LONG = """name = "long"
seed = 1

[problem]
kind = "linear-regression"
data = { path = "data.csv" }

[sgd]
learning_rate = 0.02
batch_size = 1

[escape]
region = { loss-factor = 3.0 }
method = "direct"
replicas = 32
max_steps = 10_000_000
"""

DATA = "x,y\n1,1.1\n2,1.8\n3,3.2\n-1,-0.7\n-2,-2.1\n"


@pytest.fixture(scope="session")
def wave(tmp_path_factory: pytest.TempPathFactory) -> logscape.Record:
    """A record that no test changes."""
    return logscape.run(WAVE, to=tmp_path_factory.mktemp("wave") / "record", progress=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of both studies."""
    (tmp_path / "wave.toml").write_text(WAVE_TEXT)
    (tmp_path / "long.toml").write_text(LONG)
    (tmp_path / "data.csv").write_text(DATA)
    return tmp_path


def numbers(record: Path | logscape.Record) -> dict[str, bytes]:
    """The bytes of results and tables."""
    place = record.folder if isinstance(record, logscape.Record) else record
    files = [place / "results.json", place / "minimum.safetensors", *sorted((place / "tables").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def python(*arguments: str, at: Path) -> subprocess.Popen[str]:
    """Start Python, with text from pipes; it hears Ctrl-C even where this process, at work in the background, does not."""
    pipe = subprocess.PIPE
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, cwd=at, stdout=pipe, stderr=pipe, text=True, preexec_fn=_hear)


def _hear() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    try:
        out, error = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out, error


def wait_for_work(place: Path, alive: Callable[[], bool]) -> None:
    """Wait until the run whose record goes to this place has kept something of an ensemble."""
    while not list(place.parent.glob(f"{place.name}.partial/ensembles/escape-*")):
        assert alive()
        time.sleep(0.01)


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")



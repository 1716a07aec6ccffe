"""The command line in the wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import logscape
from conftest import finished, python


def test_codes_are_those_of_the_command(folder: Path) -> None:
    for arguments, expected in [(["--version"], 0), (["cite"], 0), (["nonsense"], 2), ([], 2), (["check", "no.toml"], 2)]:
        code, out, error = finished(python("-m", "logscape", *arguments, at=folder))
        assert code == expected, error
        assert bool(out) == (code == 0)
    assert finished(python("-m", "logscape", "--version", at=folder))[1] == f"logscape {logscape.__version__}\n"


def test_the_script_is_the_same_command(folder: Path) -> None:
    script = Path(sys.executable).with_name("logscape")
    found = subprocess.run([script, "new", "sinusoid"], cwd=folder, capture_output=True, text=True, check=True)
    code, out, _ = finished(python("-m", "logscape", "new", "sinusoid", at=folder))
    assert code == 0 and found.stdout == out and "[problem]" in out


def test_who_stops_listening_makes_no_noise(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "logscape", "cite"]
        found = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 1 and "cannot write to standard output" in found.stderr
    assert "Traceback" not in found.stderr

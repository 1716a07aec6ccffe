"""What an import does, and does not."""

from pathlib import Path

from conftest import finished, python

import logscape

SCRIPT = """
import time
begun = time.perf_counter()
import numpy
numpy_took = time.perf_counter() - begun
caught = lambda: next(line for line in open("/proc/self/status") if line.startswith("SigCgt"))
before = caught()
begun = time.perf_counter()
import logscape
took = time.perf_counter() - begun
assert took < 1.0, took
import sys
assert not {"pandas", "xarray", "torch", "jax", "IPython"} & set(sys.modules)
logscape.run("wave.toml", to="record", progress=False)
assert caught() == before, "a handler of signals was installed"
"""


def test_import_is_fast_and_installs_no_handler_of_signals(folder: Path) -> None:
    assert finished(python("-c", SCRIPT, at=folder)) == (0, "", "")


def test_version_is_that_of_records(wave: logscape.Record) -> None:
    assert logscape.__version__ == wave.results["version"] == wave.manifest["version"]


def test_every_public_name_is_documented() -> None:
    for name in [*logscape.__all__, "open"]:
        thing = getattr(logscape, name)
        assert thing.__doc__, name
        if isinstance(thing, type):
            public = [value for key, value in vars(thing).items() if not key.startswith("_") and callable(value)]
            assert all(value.__doc__ for value in public), name

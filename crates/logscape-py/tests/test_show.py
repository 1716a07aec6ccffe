"""How a run is shown."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import logscape
import pytest
from conftest import WAVE


class Notebook:
    """What stands below a cell, and how often it was changed."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.changes = 0

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Notebook:
        assert raw and display_id
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown[-1] = data
        self.changes += 1


def test_a_notebook_has_one_line_that_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    notebook = Notebook()
    modules: dict[str, Any] = {name: ModuleType(name) for name in ("IPython", "IPython.display", "ipykernel")}
    modules["IPython"].get_ipython = lambda: SimpleNamespace(kernel=object())
    modules["IPython.display"].display = notebook.display
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    record = logscape.run(WAVE, to=tmp_path / "record")
    assert notebook.shown == [{"text/plain": f"record: {record.folder}"}]
    assert notebook.changes > 5
    assert capfd.readouterr().err == ""


def test_a_terminal_has_the_state_below_the_lines(folder: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        script = "import logscape; logscape.run('long.toml', to='record')"
        os.execv(sys.executable, [sys.executable, "-c", script])
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(terminal)
    assert os.waitpid(process, 0)[1] == 0, said
    text = said.decode()
    assert "problem: 1 parameter, 5 samples, 1 output" in text
    assert "so far)" in text and "\x1b[2K" in text
    # Nothing of it stays.
    assert text.rstrip().endswith("\x1b[2K") or "so far)" not in text.splitlines()[-1]

"""What the book says runs."""

import re
from pathlib import Path

import logscape
import pytest
from conftest import WAVE_TEXT

PAGE = Path(__file__).parents[3] / "book/src/python.md"


def test_the_code_of_the_page_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    (folder / "sinusoid.toml").write_text(WAVE_TEXT)
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) > 5 and isinstance(names["run"], logscape.Run)
    record = names["record"]
    assert isinstance(record, logscape.Record) and record.folder == folder / "runs/first"


def test_the_code_for_xarray_runs(wave: logscape.Record) -> None:
    pytest.importorskip("xarray")
    blocks = re.findall(r"```python,xarray\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {"record": wave}
    for block in blocks:
        exec(block, names)
    assert blocks and "tree" in names


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_the_code_for_a_library_runs(library: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library)
    monkeypatch.chdir(folder)
    blocks = re.findall(rf"```python,{library}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert blocks and isinstance(names["record"], logscape.Record)

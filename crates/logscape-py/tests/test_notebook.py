"""The notebook runs, cell by cell."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import logscape
import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples/your_model.ipynb"


def test_the_notebook_runs() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("scipy")
    if not any(importlib.util.find_spec(library) for library in ("torch", "jax")):
        pytest.skip("there is neither PyTorch nor JAX")
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for cell in code:
        exec(cell, names)
    assert len(code) > 5 and isinstance(names["escape"], logscape.Record)
    assert names["escape"].results["minimum"]["loss"] == pytest.approx(names["minimum"].loss)
    assert all(cell.get("outputs", []) == [] for cell in cells)

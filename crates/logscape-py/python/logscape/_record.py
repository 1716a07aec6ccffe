"""Records of runs."""

from __future__ import annotations

import json
import os
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _frames, _lib, _table
from ._table import Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


class Figure(NamedTuple):
    """A figure of a record, which notebooks show.

    Attributes
    ----------
    name : str
        Its name.
    title : str
        Its title.
    caption : str
        What it shows.
    svg : str
        The picture.
    """

    name: str
    title: str
    caption: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<logscape.Figure {self.name}: {self.title}>"


class Record:
    """The record of a run, in its folder. `run` and `open` make it; numbers of any size stay in the folder until they are asked for."""

    def __init__(self, inner: _lib.Record) -> None:
        self._inner = inner
        self._kept: Any = None

    def keep(self, owner: object) -> None:
        """Keep what owns the folder as long as the record."""
        self._kept = owner

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._inner.folder

    @cached_property
    def results(self) -> dict[str, Any]:
        """The summary, as ``results.json`` has it: minimum, geometry, and for each setting predictions, measurements and verdict."""
        results: dict[str, Any] = json.loads(self._inner.results())
        return results

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What ran, where, when, for how long, on which data, and by which conventions, as ``manifest.json`` has it."""
        manifest: dict[str, Any] = json.loads(self._inner.manifest())
        return manifest

    @property
    def study(self) -> str:
        """The study in TOML, every default filled in: `run` takes it."""
        return self._inner.study()

    @property
    def verdict(self) -> list[dict[str, Any]]:
        """The verdict of each setting that has one.

        Each is a dict of ``setting`` (from 0), ``learning_rate``, ``batch_size``, ``trusted`` (the theory to trust, or None),
        ``agrees`` (the theories that hold, nearest first) and ``text``, the verdict in one sentence.
        """
        return [
            {
                "setting": number,
                "learning_rate": setting["learning_rate"],
                "batch_size": setting["batch_size"],
                **{name: setting["escape"]["verdict"][name] for name in ("trusted", "agrees", "text")},
            }
            for number, setting in enumerate(self.results["settings"])
            if setting.get("escape")
        ]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows."""
        return tuple(name for name, _, _ in self._inner.tables())

    def table(self, name: str) -> Table:
        """Read a table, of those that `tables` names.

        Raises
        ------
        KeyError
            If there is no such table.
        Error
            If its file cannot be read any more.
        """
        return _table.read(self._inner, name)

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float64]]:
        """The parameters of the minimum as arrays by name, from ``minimum.safetensors``; empty in early records."""
        import numpy as np

        return {
            name: np.frombuffer(numbers, dtype="=f8").reshape(shape) for name, shape, numbers in self._inner.weights()
        }

    @cached_property
    def _figures(self) -> dict[str, Figure]:
        return {drawn[0]: Figure(*drawn) for drawn in self._inner.figures()}

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures that the record has data for."""
        return tuple(self._figures)

    def figure(self, name: str) -> Figure:
        """Draw a figure, of those that `figures` names.

        Raises
        ------
        KeyError
            If there is no such figure.
        """
        if name not in self._figures:
            raise KeyError(f"the record has no figure {name!r}; it has {', '.join(self._figures) or 'none'}")
        return self._figures[name]

    def plot(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw on axes of matplotlib, in a style that can be changed there. Needs matplotlib (``logscape[plot]``).

        Parameters
        ----------
        name : str
            ``"spectrum"``, the Hessian's eigenvalues; ``"noise"`` along its eigenvectors against the curvature; ``"escape"``, the steps
            that SGD took over the learning rates, and what theories say; ``"survival"``, the share of replicas that has not escaped;
            ``"training"``.
        ax : matplotlib.axes.Axes, optional
            Where. Default: axes of a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        KeyError
            If there is no such drawing.
        ValueError
            If the study did not ask for what it shows.
        """
        from ._plot import draw

        axes: Axes = draw(self, name, ax)
        return axes

    def to_pandas(self) -> pd.DataFrame:
        """Predictions beside measurements as a `pandas.DataFrame`. Needs pandas (``logscape[pandas]``).

        Returns
        -------
        pandas.DataFrame
            One row for each setting and theory (for each setting, where the study measures no escape), with the columns

            - ``setting`` (from 0), ``learning_rate``, ``batch_size``, ``sampling``;
            - ``phi``, ``phi_with_strength``: the stationary exponent as published, and with the measured noise strength;
              ``phi_measured``, with the ends of its 95 % interval in ``phi_measured_low`` and ``phi_measured_high``;
            - ``log10_steps_measured``, ``_low``, ``_high``: what SGD took to escape, as a decimal logarithm;
            - ``theory``, ``log10_steps``: what the theory says;
            - ``error_decades``, ``error_low``, ``error_high``: ``log10(predicted/measured)`` with its interval;
            - ``holds`` (whether the theory holds; missing where that cannot be told) and ``trusted``.

            Numbers that are not known are not a number. ``attrs`` has the study's name, the version, the seed and the folder.
        """
        return _frames.frame(self.results, self._attributes())

    def to_xarray(self) -> xr.DataTree:
        """All of it as an `xarray.DataTree`. Needs xarray (``logscape[xarray]``).

        Returns
        -------
        xarray.DataTree
            With the meaning of each variable and its unit in ``attrs``, as ``long_name`` and ``units``:

            - ``settings``: predictions beside measurements, over the dimensions ``setting``, ``theory`` and ``dynamics`` (``sgd`` first):
              ``phi``, ``phi_measured``, ``log10_steps``, ``log10_steps_measured``, ``error_decades``; intervals of 95 % end with ``_low``
              and ``_high``. ``learning_rate`` and ``batch_size`` are coordinates of ``setting``.
            - A group for each table, as `Table.to_xarray` makes it; all tables are read.

            ``attrs`` has the study's name, the version, the seed, the folder, and as ``settings`` the study in TOML.
        """
        from ._tree import tree

        made: xr.DataTree = tree(self, self._attributes())
        return made

    def _attributes(self) -> dict[str, Any]:
        return {
            "study": self.results["study"],
            "version": self.results["version"],
            "seed": self.manifest["seed"],
            "folder": os.fspath(self.folder),
        }

    def __repr__(self) -> str:
        settings = len(self.results["settings"])
        return f"<logscape.Record {self.results['study']}: {settings} setting{'' if settings == 1 else 's'}; {self.folder}>"

    def _repr_html_(self) -> str:
        minimum = self.results["minimum"]
        state = f"L* = {minimum['loss']:.6g}, index {minimum['index']}, P = {minimum['parameters']}, N = {minimum['samples']}"
        head = "".join(f"<th>{name}</th>" for name in ("learning rate", "batch size", "log10 steps to escape", "verdict"))
        verdicts = {verdict["setting"]: verdict["text"] for verdict in self.verdict}
        body = ""
        for number, setting in enumerate(self.results["settings"]):
            measured = ((setting.get("escape") or {}).get("measured") or {}).get("log10_mean_steps")
            steps = "" if measured is None else "{:.3f} [{:.3f}, {:.3f}]".format(measured["value"], *measured["ci95"])
            cells = (f"{setting['learning_rate']:.6g}", setting["batch_size"], steps, verdicts.get(number, ""))
            body += "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
        overall = escape((self.results.get("verdict") or {}).get("text", ""))
        name, folder = escape(self.results["study"]), escape(os.fspath(self.folder))
        return f"<div><strong>{name}</strong>: {escape(state)}{table}<p>{overall}</p><p><code>{folder}</code></p></div>"


def open(folder: str | os.PathLike[str]) -> Record:
    """Open the record in a folder, and check that its files are those that were written.

    Parameters
    ----------
    folder : path
        The folder of a complete record.

    Returns
    -------
    Record

    Raises
    ------
    Error
        If there is no record, or an unfinished run, or a file is damaged.
    """
    return Record(_lib.open(Path(folder)))

"""From a problem to its minimum, what theories say there, and what SGD does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _frames
from ._record import Record
from ._run import predictions, run
from ._show import Progress

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ._problem import Problem

Rates = float | Sequence[float]
Sizes = int | Sequence[int]
Region = str | Mapping[str, Any]

# Where a passage is an escape unless a region is given: any network has such a level.
_REGION: Mapping[str, Any] = {"loss-factor": 2.0}


class Minimum:
    """Where a search for a minimum of a problem has ended, with curvature and noise there; `Problem.minimum` makes it.

    Attributes
    ----------
    problem : Problem
        The problem.
    record : Record
        The record of it: results, tables, figures, in a folder that is removed with the last result that needs it, unless one was given.
    study : dict
        The tables of the study that gives the same by `run`.
    """

    def __init__(self, problem: Problem, study: dict[str, Any], record: Record) -> None:
        self.problem = problem
        self.study = study
        self.record = record

    @classmethod
    def of(cls, problem: Problem, study: dict[str, Any], to: str | os.PathLike[str] | None, progress: Progress) -> Minimum:
        """Run the study."""
        return cls(problem, study, _record(problem, study, to, progress))

    @property
    def loss(self) -> float:
        """The loss `L*`."""
        return float(self.record.results["minimum"]["loss"])

    @property
    def converged(self) -> bool:
        """Whether the search has met its tolerance."""
        return bool(self.record.results["minimum"]["converged"])

    @property
    def parameters(self) -> Any:
        """Where it lies, in the model's form."""
        return self.problem.restore(self.record)

    @property
    def results(self) -> dict[str, Any]:
        """All that was measured there: the sections ``minimum`` and ``geometry`` of ``results.json``, in one dict."""
        return {**self.record.results["minimum"], **self.record.results["geometry"]}

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Eigenvalues of the Hessian, descending: all of them up to 4,000 parameters, else the largest."""
        return self.record.table("spectrum")["eigenvalue"].astype("float64")

    def geometry(
        self, *, to: str | os.PathLike[str] | None = None, progress: Progress = True, **options: Any
    ) -> Minimum:
        """Measure more of the curvature there.

        Parameters
        ----------
        to : path, optional
            Folder of the record. Default: one that is removed with the result.
        progress : bool or callable, default True
            Whether the work is shown.
        **options
            The fields of ``[curvature]`` in a study: ``matrices=["hessian", "gauss-newton"]``, ``layers=["fc*"]``, ``largest=20``,
            ``density_probes=10``.

        Returns
        -------
        Minimum
        """
        return Minimum.of(self.problem, {**self.study, "curvature": options}, to, progress)

    def predict(
        self,
        learning_rate: Rates,
        batch_size: Sizes,
        *,
        region: Region = _REGION,
        progress: Progress = True,
        **options: Any,
    ) -> Predictions:
        """Ask every theory, with nothing simulated.

        Parameters
        ----------
        learning_rate : float or list of float
            Learning rates.
        batch_size : int or list of int
            Batch sizes, each with each learning rate.
        region : str or dict, default ``{"loss-factor": 2.0}``
            What escape means: ``"dividing-surface"``, ``"quench"``, ``{"loss-factor": 2.0}``, ``{"loss-level": 0.1}``, ``{"ball": 1.0}``.
        progress : bool or callable, default True
            Whether the work is shown.
        **options
            Further fields of ``[sgd]``, such as ``sampling``, or of ``[escape]``, such as ``theories``.

        Returns
        -------
        Predictions
        """
        tables = self._with_sgd(learning_rate, batch_size, {"region": region, **options})
        return Predictions(predictions(tables, self.problem, progress))

    def escape(
        self,
        learning_rate: Rates,
        batch_size: Sizes,
        *,
        region: Region = _REGION,
        to: str | os.PathLike[str] | None = None,
        progress: Progress = True,
        **options: Any,
    ) -> Record:
        """Measure how long SGD takes to escape, beside what theories say, and judge these.

        Parameters
        ----------
        learning_rate, batch_size, region, progress
            As `predict` takes them.
        to : path, optional
            Folder of the record. Default: one that is removed with the result.
        **options
            Further fields of ``[sgd]``, or of ``[escape]``, such as ``replicas``, ``max_steps`` and ``method``.

        Returns
        -------
        Record
            With the verdict for each setting in ``verdict``.
        """
        tables = self._with_sgd(learning_rate, batch_size, {"region": region, **options})
        return _record(self.problem, tables, to, progress)

    def stationary(
        self,
        learning_rate: Rates,
        batch_size: Sizes,
        *,
        to: str | os.PathLike[str] | None = None,
        progress: Progress = True,
        **options: Any,
    ) -> Record:
        """Measure the stationary law of SGD around the minimum, beside the predicted exponent `φ`.

        Parameters
        ----------
        learning_rate, batch_size, progress
            As `predict` takes them.
        to : path, optional
            Folder of the record. Default: one that is removed with the result.
        **options
            Further fields of ``[sgd]``, or of ``[stationary]``: ``replicas``, ``burn_in``, ``steps``.

        Returns
        -------
        Record
        """
        tables = self._with_sgd(learning_rate, batch_size, {})
        tables["sgd"].update({name: options.pop(name) for name in _SGD if name in options})
        return _record(self.problem, {**tables, "stationary": options}, to, progress)

    def _with_sgd(self, learning_rate: Rates, batch_size: Sizes, escape: dict[str, Any]) -> dict[str, Any]:
        sgd = {"learning_rate": learning_rate, "batch_size": batch_size}
        sgd.update({name: escape.pop(name) for name in _SGD if name in escape})
        tables = {**self.study, "sgd": sgd}
        return {**tables, "escape": escape} if escape else tables

    def to_pandas(self) -> pd.DataFrame:
        """The eigenvalues of the Hessian as a `pandas.DataFrame`, with all single numbers that were measured in ``attrs``."""
        frame = self.record.table("spectrum").to_pandas()
        frame.attrs.update(self._numbers())
        return frame

    def to_xarray(self) -> xr.Dataset:
        """The same as an `xarray.Dataset`."""
        data = self.record.table("spectrum").to_xarray()
        data.attrs.update(self._numbers())
        return data

    def plot(self, name: str = "spectrum", ax: Axes | None = None) -> Axes:
        """Draw on axes of matplotlib, as `Record.plot` does: ``"spectrum"``, ``"noise"``, ``"training"``."""
        return self.record.plot(name, ax)

    def _numbers(self) -> dict[str, Any]:
        return {name: value for name, value in self.results.items() if isinstance(value, (int, float, str))}

    def __repr__(self) -> str:
        found = self.results
        return (
            f"<logscape.Minimum: L* = {found['loss']:.6g}, gradient {found['gradient_norm']:.1e}, "
            f"{found['outliers']} outliers, h* = {found['h_star']['value']:.4g}>"
        )

    def _repr_html_(self) -> str:
        return self.record._repr_html_()


# Fields of `[sgd]` that an option may be.
_SGD = ("sampling", "precision")


class Predictions:
    """What theories say of each learning rate and batch size; `Minimum.predict` makes it.

    Attributes
    ----------
    settings : list of dict
        For each setting ``learning_rate``, ``batch_size``, ``phi`` and the rest of the predicted law, and ``predictions`` by theory.
    """

    def __init__(self, settings: list[dict[str, Any]]) -> None:
        self.settings = settings

    @property
    def _results(self) -> dict[str, Any]:
        rows = [{**setting, "escape": {"predictions": setting.get("predictions")}} for setting in self.settings]
        return {"settings": rows}

    def to_pandas(self) -> pd.DataFrame:
        """One row for each setting and theory, with the columns of `Record.to_pandas`."""
        return _frames.frame(self._results, {})

    def to_xarray(self) -> xr.Dataset:
        """The predictions among the variables of the group ``settings`` of `Record.to_xarray`, as an `xarray.Dataset`."""
        return _frames.dataset(self._results)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the steps to escape over the learning rates on axes of matplotlib. Needs matplotlib (``logscape[plot]``)."""
        from ._plot import of_predictions

        axes: Axes = of_predictions(self._results["settings"], ax)
        return axes

    def __repr__(self) -> str:
        return f"<logscape.Predictions: {len(self.settings)} settings>"

    def _repr_html_(self) -> str:
        theories = list(dict.fromkeys(name for setting in self.settings for name in setting.get("predictions") or {}))
        head = "".join(f"<th>{name}</th>" for name in ("learning rate", "batch size", "phi", *theories))
        body = ""
        for setting in self.settings:
            found = [((setting.get("predictions") or {}).get(name) or {}).get("log10_mean_steps") for name in theories]
            numbers = [setting["learning_rate"], setting["batch_size"], setting.get("phi"), *found]
            cells = "".join(f"<td>{'' if number is None else format(number, '.4g')}</td>" for number in numbers)
            body += f"<tr>{cells}</tr>"
        note = "theories: log10 of the mean steps to escape"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{note}</p>"


def _record(
    problem: Problem, study: dict[str, Any], to: str | os.PathLike[str] | None, progress: Progress
) -> Record:
    """The record of a study, in a folder of its own that goes with it unless one is given."""
    if to is not None:
        return run(study, problem=problem, to=to, progress=progress)
    folder = tempfile.TemporaryDirectory(prefix="logscape-")
    record = run(study, problem=problem, to=Path(folder.name) / "record", progress=progress)
    record.keep(folder)
    return record

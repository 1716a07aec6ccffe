"""Tables of a record as data sets of xarray, and a record as a tree of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _frames

if TYPE_CHECKING:
    import xarray as xr

    from ._record import Record
    from ._table import Table

# What tells the rows of a table apart: one column names the dimension, several are coordinates of the dimension `row`.
_KEYS: dict[str, tuple[str, ...]] = {
    "training": ("steps",),
    "training_noise": ("steps",),
    "spectrum": ("rank",),
    "eigenvalues": ("matrix", "block", "end", "rank"),
    "density": ("matrix", "block", "eigenvalue"),
    "lanczos": ("matrix", "block", "probe", "step"),
    "noise": ("rank",),
    "leading_noise": ("rank",),
    "classes": ("rank",),
    "scaling": (),
    "path": ("position",),
    "energy_paths": ("saddle", "position"),
    "stationary": ("setting", "learning_rate", "batch_size", "dynamics", "quantity", "lower", "upper"),
    "escape_times": ("setting", "learning_rate", "batch_size", "dynamics", "replica"),
    "phase_diagram": ("learning_rate", "batch_size", "quantity", "theory"),
    "trajectories": ("setting", "dynamics", "replica", "step"),
}

# What columns hold, and their units, where words have none. Losses and parameters are pure numbers, and so is what is made from them.
_COLUMNS: dict[str, tuple[str, str | None]] = {
    "alpha": ("diagonal of the tridiagonal matrix", "1"),
    "batch_size": ("batch size", "samples"),
    "beta": ("what is below the diagonal of the tridiagonal matrix", "1"),
    "block": ("parameters of the block; empty for all", None),
    "class_means": ("means of the classes", "1"),
    "converged": ("whether the residual meets the tolerance", None),
    "count": ("number in the bin", "samples"),
    "count_least": ("fewest that the steps leave possible", "1"),
    "count_most": ("most that the steps leave possible", "1"),
    "cross_class": ("means of a class and another output, around that of the class", "1"),
    "curvature": ("curvature along the direction", "1"),
    "dynamics": ("name of the dynamics", None),
    "eigenvalue": ("eigenvalue of the matrix", "1"),
    "end": ("how it ended: escaped, diverged, or censored", None),
    "gauss_newton_trace": ("trace of the Gauss-Newton matrix", "1"),
    "gradient": ("slope of the loss along the path", "1"),
    "gradient_norm": ("norm of the gradient", "1"),
    "learning_rate": ("learning rate", "1"),
    "loss": ("loss `L`", "1"),
    "lower": ("lower edge of the bin", "1"),
    "matrix": ("name of the matrix", None),
    "noise": ("noise of one sample along the direction", "1"),
    "noise_trace": ("trace of the noise covariance", "1"),
    "outlier": ("whether the direction is an outlier", None),
    "own_class": ("samples' own classes", "1"),
    "position": ("arc length", "1"),
    "probe": ("random vector, from 0", "1"),
    "quantity": ("name of the quantity", None),
    "rank": ("rank, 1 for the outermost", "1"),
    "ratio": ("noise over 2 L* times the curvature", "1"),
    "replica": ("replica, from 0", "1"),
    "residual": ("norm of the residual", "1"),
    "saddle": ("saddle, from 0", "1"),
    "setting": ("setting, from 0", "1"),
    "step": ("steps taken", "steps"),
    "steps": ("steps taken", "steps"),
    "theory": ("theory; empty for what is of none", None),
    "theta": ("parameters", "1"),
    "time": ("time, which is learning rate times steps", "learning_rate * steps"),
    "total": ("samples of the quantity in all", "samples"),
    "uncertainty": ("distance from the eigenvalue of its rank, about", "1"),
    "upper": ("upper edge of the bin", "1"),
    "value": ("value of the quantity", None),
    "within_class": ("samples around the means of their classes", "1"),
}

# The same, where a table means something else by it.
_OF_TABLE: dict[tuple[str, str], tuple[str, str | None]] = {
    ("density", "count"): ("number of eigenvalues beyond it", "1"),
    ("eigenvalues", "end"): ("end of the spectrum: largest or lowest", None),
    ("lanczos", "step"): ("step of the recurrence, from 1", "1"),
    ("spectrum", "eigenvalue"): ("eigenvalue of the Hessian", "1"),
    ("path", "noise"): ("noise of one sample along the path", "1"),
    ("energy_paths", "noise"): ("noise of one sample along the path", "1"),
    ("path", "curvature"): ("curvature along the path", "1"),
    ("energy_paths", "curvature"): ("curvature along the path", "1"),
}

_ENDS = {"_low": "lower end of the 95 % interval", "_high": "upper end of the 95 % interval"}


def dataset(table: Table) -> xr.Dataset:
    """A table over its rows."""
    import xarray as xr

    keys = _KEYS.get(table.name, ())
    row = keys[0] if len(keys) == 1 else "row"
    variables: dict[str, Any] = {
        name: ((row, "parameter")[: table[name].ndim], table[name], _attributes(table.name, name)) for name in table
    }
    coordinates = {name: variables.pop(name) for name in keys}
    return xr.Dataset(variables, coordinates, {"name": table.name, "meaning": table.meaning})


def tree(record: Record, attributes: dict[str, Any]) -> xr.DataTree:
    """Predictions beside measurements, and every table."""
    import xarray as xr

    groups = {"settings": _frames.dataset(record.results)}
    groups.update({name: dataset(record.table(name)) for name in record.tables})
    made: xr.DataTree = xr.DataTree.from_dict(groups)
    made.attrs.update(attributes, settings=record.study)
    return made


def _attributes(table: str, column: str) -> dict[str, str]:
    for end, words in _ENDS.items():
        if column.endswith(end):
            whole = _attributes(table, column.removesuffix(end))
            return {**whole, "long_name": f"{whole['long_name']}: {words}"}
    words, unit = _OF_TABLE.get((table, column)) or _COLUMNS.get(column) or (column, None)
    return {"long_name": words} if unit is None else {"long_name": words, "units": unit}

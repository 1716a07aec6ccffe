"""Tables of a record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from . import _lib

    Array = NDArray[np.generic]


class Table:
    """A table of a record: NumPy arrays of equal length by the names of its columns, as in ``table["eigenvalue"]``.

    Counts are ``int64``, real numbers ``float64``, words ``str``; a column of lists, such as the parameters of a trajectory, has one row
    of a two-dimensional array for each row.

    Attributes
    ----------
    name : str
        Its name, which is that of its file.
    meaning : str
        What it holds, in words.
    path : pathlib.Path
        Its Parquet file, which other programs read.
    """

    def __init__(self, inner: _lib.Table, name: str, meaning: str, path: Path) -> None:
        self._inner = inner
        self._columns: dict[str, Array] = {}
        self.name = name
        self.meaning = meaning
        self.path = path

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        return tuple(self._inner.columns())

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._inner.rows()

    def __getitem__(self, column: str) -> Array:
        if column not in self._columns:
            values = self._inner.column(column)
            if values is None:
                raise KeyError(f"{self.name} has no column {column!r}; it has {', '.join(self.columns)}")
            self._columns[column] = _array(*values)
        return self._columns[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def keys(self) -> tuple[str, ...]:
        """Names of the columns, so that ``dict(table)`` has them all."""
        return self.columns

    def __len__(self) -> int:
        return self.rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of Arrow's C data interface, by which ``pyarrow.table(table)`` and ``polars.DataFrame(table)`` take the table. Columns keep
        their types, whatever schema is asked for; name and meaning are in the metadata of the schema."""
        return self._inner.stream()

    def to_pandas(self) -> pd.DataFrame:
        """The table as a `pandas.DataFrame`, with its name and meaning in ``attrs``. Needs pandas (``logscape[pandas]``)."""
        import pandas as pd

        columns: dict[str, Any] = {
            name: self[name] if self[name].ndim == 1 else list(self[name]) for name in self
        }
        frame: pd.DataFrame = pd.DataFrame(columns)
        frame.attrs.update(name=self.name, meaning=self.meaning)
        return frame

    def to_xarray(self) -> xr.Dataset:
        """The table as an `xarray.Dataset`. Needs xarray (``logscape[xarray]``).

        The dimension is the column that numbers the rows, such as ``rank`` of a spectrum; where that takes several columns, it is ``row``, and
        these are coordinates. ``attrs`` of each variable has its meaning as ``long_name`` and its unit as ``units``.
        """
        from ._tree import dataset

        made: xr.Dataset = dataset(self)
        return made

    def __repr__(self) -> str:
        return f"<logscape.Table {self.name}: {self.rows} rows; {', '.join(self.columns)}>"


def read(record: _lib.Record, name: str) -> Table:
    """Read a table of a record."""
    inner = record.table(name)
    meanings = {known: meaning for known, meaning, _ in record.tables()}
    if inner is None or name not in meanings:
        raise KeyError(f"the record has no table {name!r}; it has {', '.join(meanings) or 'none'}")
    return Table(inner, name, meanings[name], record.folder / "tables" / f"{name}.parquet")


def _array(kind: str, values: Any) -> Array:
    import numpy as np

    if kind == "str":
        return np.array(values, dtype=np.str_)
    if kind == "lists":
        rows = [np.frombuffer(row, dtype="=f8") for row in values]
        if len({len(row) for row in rows}) <= 1:
            return np.array(rows)
        ragged = np.empty(len(rows), dtype=object)
        ragged[:] = rows
        return ragged
    return np.frombuffer(values, dtype=kind)

"""Tables of a record."""

from __future__ import annotations

from collections.abc import Iterator
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

    def __init__(self, name: str, meaning: str, path: Path, columns: dict[str, Array]) -> None:
        self.name = name
        self.meaning = meaning
        self.path = path
        self._columns = columns

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        return tuple(self._columns)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return max((len(column) for column in self._columns.values()), default=0)

    def __getitem__(self, column: str) -> Array:
        try:
            return self._columns[column]
        except KeyError:
            raise KeyError(f"{self.name} has no column {column!r}; it has {', '.join(self.columns)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def keys(self) -> tuple[str, ...]:
        """Names of the columns, so that ``dict(table)`` has them all."""
        return self.columns

    def __len__(self) -> int:
        return self.rows

    def to_pandas(self) -> pd.DataFrame:
        """The table as a `pandas.DataFrame`, with its name and meaning in ``attrs``. Needs pandas (``logscape[pandas]``)."""
        import pandas as pd

        columns: dict[str, Any] = {
            name: column if column.ndim == 1 else list(column) for name, column in self._columns.items()
        }
        frame: pd.DataFrame = pd.DataFrame(columns)
        frame.attrs.update(name=self.name, meaning=self.meaning)
        return frame

    def to_xarray(self) -> xr.Dataset:
        """The table as an `xarray.Dataset` over its rows, the dimension ``row``. Needs xarray (``logscape[xarray]``)."""
        import xarray as xr

        variables = {
            name: (("row", "parameter")[: column.ndim], column) for name, column in self._columns.items()
        }
        return xr.Dataset(variables, attrs={"name": self.name, "meaning": self.meaning})

    def __repr__(self) -> str:
        return f"<logscape.Table {self.name}: {self.rows} rows; {', '.join(self.columns)}>"


def read(record: _lib.Record, name: str) -> Table:
    """Read a table of a record."""
    tables = {known: meaning for known, meaning, _ in record.tables()}
    columns = record.columns(name) if name in tables else None
    if columns is None:
        known = ", ".join(tables) or "none"
        raise KeyError(f"the record has no table {name!r}; it has {known}")
    path = record.folder / "tables" / f"{name}.parquet"
    return Table(name, tables[name], path, {column: _array(*values) for column, values in columns})


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

"""SGD as a noisy walk on the logarithm of the loss: measure a minimum, predict its stationary law and escape time, and
check both by simulation.

>>> import logscape
>>> record = logscape.run("study.toml", set={"sgd.learning_rate": [0.05, 0.1]})
>>> record.verdict
>>> record.to_pandas()

`run` runs a study and returns its `Record`, `open` reads one that was kept. The command line is there as ``logscape`` and as
``python -m logscape``.
"""

from importlib.metadata import version as _version

from ._data import digits
from ._errors import Error, Interrupted, ModelError, StudyError
from ._problem import Problem
from ._record import Figure, Record
from ._record import open as open
from ._run import Run, run
from ._steps import Minimum, Predictions
from ._table import Table

__version__ = _version("logscape")

# Without `open`, so that an import of all names leaves Python's own.
__all__ = [
    "Error",
    "Figure",
    "Interrupted",
    "Minimum",
    "ModelError",
    "Predictions",
    "Problem",
    "Record",
    "Run",
    "StudyError",
    "Table",
    "digits",
    "run",
]

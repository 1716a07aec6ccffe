"""Why there is no record."""

from pathlib import Path


class Error(RuntimeError):
    """Why a run has no record, or a record cannot be read.

    Attributes
    ----------
    hint : str or None
        How to mend it, which the message says too.
    """

    def __init__(self, message: str = "", hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class StudyError(Error, ValueError):
    """A study cannot be used: a field is misspelt, missing, out of range, or does not fit the data.

    Attributes
    ----------
    field : str or None
        Dotted name of the field, where it is known.
    hint : str or None
        How to mend it, which the message says too.
    """

    def __init__(self, message: str = "", hint: str | None = None, field: str | None = None) -> None:
        super().__init__(message, hint)
        self.field = field


class Interrupted(Error):
    """A run was stopped by `Run.cancel`.

    Attributes
    ----------
    folder : pathlib.Path or None
        Where what was done is kept, which ``resume=True`` continues; none where nothing was.
    """

    def __init__(self, message: str = "", hint: str | None = None, folder: Path | None = None) -> None:
        super().__init__(message, hint)
        self.folder = folder


class ModelError(Error, ValueError):
    """A model or its data cannot be used.

    Attributes
    ----------
    hint : str or None
        How to mend it, which the message says too.
    """

    def __init__(self, message: str = "", hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}", hint)


for _error in (Error, StudyError, Interrupted, ModelError):
    _error.__module__ = "logscape"

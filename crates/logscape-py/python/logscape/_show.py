"""How a run is shown while it works."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

Progress = bool | Callable[[dict[str, Any]], object]
Way = tuple[Literal["nothing", "terminal", "events", "lines"], Callable[..., object] | None]

# Least time between two changes of the line in a notebook, in seconds.
_APART = 0.1


def way(progress: Progress) -> Way:
    """The way that `progress` asks for here, and who hears of the run for it."""
    if callable(progress):
        return "events", lambda event: progress(json.loads(event))
    if not progress:
        return "nothing", None
    if _in_notebook():
        return "lines", _Line()
    if _on_terminal():
        return "terminal", None
    return "lines", _tell


def end(hear: Callable[..., object] | None, folder: Path) -> None:
    """Say where the record is, where something stays in view that does not say so."""
    if isinstance(hear, _Line):
        hear.end(f"record: {folder}")


def _on_terminal() -> bool:
    """Whether what is written to the standard error of the process is what the caller sees on a terminal."""
    try:
        return sys.stderr is not None and sys.stderr.isatty() and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "ipykernel" in sys.modules and hasattr(shell, "kernel")


def _tell(line: str | None, _: str) -> None:
    """Write the lines of a log, which are those of the command."""
    if line is not None and sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


class _Line:
    """One line of a notebook that is replaced in its place."""

    def __init__(self) -> None:
        from IPython.display import display

        self._display: Any = display
        self._handle: Any = None
        self._last = float("-inf")

    def __call__(self, line: str | None, state: str) -> None:
        now = time.monotonic()
        text = line or state
        if text and (line is not None or now - self._last >= _APART):
            self._last = now
            self._put(text)

    def end(self, text: str) -> None:
        """Leave this as the last line."""
        self._put(text)

    def _put(self, text: str) -> None:
        data = {"text/plain": text}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

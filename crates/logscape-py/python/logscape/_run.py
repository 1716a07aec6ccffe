"""Runs of studies."""

import atexit
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from . import _lib, _show, _study
from ._problem import Problem
from ._record import Record

StudyLike = str | os.PathLike[str] | Mapping[str, Any]
Assignments = Mapping[str, Any] | Iterable[str]
Made = TypeVar("Made")


class Run:
    """A run that is at work, as `run` returns it with ``blocking=False``.

    It works on threads of its own, and ends with the process, as by `cancel`: ``resume=True`` continues it.
    """

    def __init__(self, inner: _lib.Run) -> None:
        self._inner = inner

    @property
    def folder(self) -> Path:
        """Where its record goes."""
        return self._inner.place

    @property
    def progress(self) -> dict[str, Any] | None:
        """The last event that it told, as a dict with its name in ``event``; none before the first.

        While it is paused, this is ``{"event": "paused", "last": ...}`` with that event.
        """
        told = self._inner.last()
        last: dict[str, Any] | None = None if told is None else json.loads(told)
        return {"event": "paused", "last": last} if self._inner.paused() else last

    def done(self) -> bool:
        """Whether it has ended: with a record, by an error, or since it was cancelled."""
        return self._inner.done()

    def pause(self) -> None:
        """Let it wait, until `resume` or `cancel`, with all that it has in memory. Nothing is computed meanwhile.

        It waits mostly within 0.2 s; one product or step that takes longer, or a call of a model, is computed to its end. An ensemble or a
        training is kept first, so that a process that ends meanwhile loses none of it. The record has the same bytes as without the pause,
        and its times of stages leave the pause out.
        """
        self._inner.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._inner.resume()

    def cancel(self) -> None:
        """Ask it to stop soon. What was done is kept, and continued by `run` with ``resume=True``; `result` says where."""
        self._inner.cancel()

    def result(self, timeout: float | None = None) -> Record:
        """Wait until it has ended.

        Ctrl-C ends the waiting alone: the run goes on.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most. Default: as long as it takes.

        Returns
        -------
        Record

        Raises
        ------
        TimeoutError
            If it is still at work then.
        Interrupted
            If it was cancelled.
        StudyError, Error
            As for `run`.
        """
        return Record(self._inner.record(timeout))

    def __repr__(self) -> str:
        state = "ended" if self.done() else "paused" if self._inner.paused() else "at work"
        return f"<logscape.Run {state}: {self.folder}>"


@overload
def run(
    study: StudyLike,
    *,
    problem: Problem | None = ...,
    to: str | os.PathLike[str] | None = ...,
    set: Assignments | None = ...,
    seed: int | None = ...,
    force: bool = ...,
    resume: bool = ...,
    extend: str | os.PathLike[str] | Record | None = ...,
    allow_other_version: bool = ...,
    checkpoint_every: float = ...,
    memory: int | str | None = ...,
    threads: int | None = ...,
    progress: _show.Progress = ...,
    blocking: Literal[True] = ...,
) -> Record: ...


@overload
def run(
    study: StudyLike,
    *,
    problem: Problem | None = ...,
    to: str | os.PathLike[str] | None = ...,
    set: Assignments | None = ...,
    seed: int | None = ...,
    force: bool = ...,
    resume: bool = ...,
    extend: str | os.PathLike[str] | Record | None = ...,
    allow_other_version: bool = ...,
    checkpoint_every: float = ...,
    memory: int | str | None = ...,
    threads: int | None = ...,
    progress: bool = ...,
    blocking: Literal[False],
) -> Run: ...


def run(
    study: StudyLike,
    *,
    problem: Problem | None = None,
    to: str | os.PathLike[str] | None = None,
    set: Assignments | None = None,
    seed: int | None = None,
    force: bool = False,
    resume: bool = False,
    extend: str | os.PathLike[str] | Record | None = None,
    allow_other_version: bool = False,
    checkpoint_every: float = 10.0,
    memory: int | str | None = None,
    threads: int | None = None,
    progress: _show.Progress = True,
    blocking: bool = True,
) -> Record | Run:
    """Run a study and keep its record.

    Ctrl-C stops the run within a fraction of a second, keeps what was done, and raises `KeyboardInterrupt` with a note that says where.
    The same call with ``resume=True`` continues it, to the bytes of an uninterrupted run. A call of a model, or a compilation, that
    takes longer is waited for; a second Ctrl-C ends this waiting, and the run ends on its own.

    Parameters
    ----------
    study : path, str or dict
        The path of a study file; the text of one (any string of several lines); or its tables, as a dict of dicts with numbers, text,
        lists and NumPy arrays. Relative paths in a file start at its folder, those in a text or dict at the current folder.
    problem : Problem, optional
        A model of your own, as `logscape.torch.problem` and `logscape.jax.problem` make it, in place of the study's table ``problem``. What
        the model raises ends the run and is raised here. Default: the study names its problem.
    to : path, optional
        Folder of the record. Default: ``runs/NAME-HASH`` in the current folder, by the hash of the resolved study.
    set : dict or iterable of str, optional
        Values put over those of the study, by dotted name: ``{"sgd.batch_size": [1, 4]}``, or assignments in TOML as the command line
        takes them: ``["sgd.batch_size=[1,4]"]``. Default: none.
    seed : int, optional
        Seed of every random stream. Default: that of the study.
    force : bool, default False
        Replace a record or an unfinished run that is there.
    resume : bool, default False
        Continue an unfinished run that is there.
    extend : path or Record, optional
        A complete record of the same study with fewer replicas or repeats, which are taken over. Default: none.
    allow_other_version : bool, default False
        Go on with the work of another version of logscape; its numbers may differ.
    checkpoint_every : float, default 10.0
        Seconds between checkpoints of a running ensemble: the most that a killed run loses of it.
    memory : int or str, optional
        Refuse what would take more than so many bytes, such as ``"8GB"``. The limit is one for the process, and stays.
        Default: the last one given, and before that the memory of the machine.
    threads : int, optional
        Threads of this run. Results do not depend on it. Default: one for each core.
    progress : bool or callable, default True
        Whether the run is shown: on a terminal and in a log by the lines of the command line, on standard error; in a notebook by one line
        that is replaced. A callable gets every event instead, as a dict with its name in ``event``, on the calling thread; what it raises
        stops the run. With ``blocking=False`` nothing is shown, and a callable is refused.
    blocking : bool, default True
        Whether to wait. If not, a `Run` is returned at once.

    Returns
    -------
    Record or Run

    Raises
    ------
    StudyError
        If the study is wrong, or does not fit its data.
    Error
        If the record cannot be kept, or the run fails.
    KeyboardInterrupt
        If it was stopped by Ctrl-C.
    """
    if force and resume:
        raise ValueError("force and resume exclude each other: the one replaces what the other continues")
    if extend is not None and resume:
        raise ValueError("extend and resume exclude each other: a run that extends a record goes on with resume alone")
    if threads is not None and threads < 1:
        raise ValueError(f"threads: give a number from 1 on, or None for one for each core; not {threads}")
    if callable(progress) and not blocking:
        raise TypeError("progress: with blocking=False there is no thread to call it on; look at Run.progress")
    show, hear = _show.way(progress) if blocking else ("nothing", None)
    inner = _lib.start(
        _study.read(study, set, seed, own=problem is not None),
        problem=None if problem is None else problem._inner,
        memo=None if problem is None else problem._memo,
        to=None if to is None else Path(to),
        force=force,
        resume=resume,
        extend=extend.folder if isinstance(extend, Record) else None if extend is None else Path(extend),
        allow_other_version=allow_other_version,
        checkpoint_every=checkpoint_every,
        memory=_lib.byte_count(memory) if isinstance(memory, str) else memory,
        threads=threads,
        show=show,
    )
    if not blocking:
        _end_with_process(inner)
        return Run(inner)
    record = Record(_ended(inner, hear, _lib.Run.record))
    _show.end(hear, record.folder)
    return record


def predictions(
    study: Mapping[str, Any], problem: Problem, progress: _show.Progress
) -> list[dict[str, Any]]:
    """What theories say of each setting of a study on `problem`, as ``results.json`` has it."""
    show, hear = _show.way(progress)
    inner = _lib.predict(_study.read(study, None, None, own=True), problem=problem._inner, memo=problem._memo, show=show)
    settings: list[dict[str, Any]] = json.loads(_ended(inner, hear, _lib.Run.predictions))
    return settings


# Runs that nobody waits for, or no longer.
_at_work: list[_lib.Run] = []

# Seconds that the process waits at its end for these to keep what was done: a library that one calls must not go before it.
_PATIENCE = 10.0


def _end_with_process(inner: _lib.Run) -> None:
    _at_work[:] = [run for run in _at_work if not run.done()] + [inner]
    # What was registered last is called first: before what the library of a model has registered.
    atexit.unregister(_end_all)
    atexit.register(_end_all)


def _end_all() -> None:
    for run in _at_work:
        run.cancel()
    last = time.monotonic() + _PATIENCE
    while not all(run.done() for run in _at_work) and time.monotonic() < last:
        time.sleep(0.01)


def _ended(inner: _lib.Run, hear: Callable[..., object] | None, made: Callable[[_lib.Run], Made]) -> Made:
    """What a run has made, when it has ended."""
    try:
        inner.follow(hear)
        return made(inner)
    except BaseException as stopped:
        while True:
            try:
                note = inner.note()
                if not inner.done():
                    # A second signal ended the waiting for the end.
                    _end_with_process(inner)
                    if inner.place is not None:
                        note = "the run ends by itself, soon; what was done is kept: continue with the same call and resume=True"
                _note(stopped, note)
                break
            except KeyboardInterrupt:
                # One more signal asks for what is done here.
                continue
        raise


def _note(error: BaseException, note: str | None) -> None:
    """Add a note to an exception; before Python 3.11, which shows notes, in the same attribute."""
    if note is None:
        return
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        setattr(error, "__notes__", [*getattr(error, "__notes__", []), note])

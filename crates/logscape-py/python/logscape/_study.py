"""Studies from what a caller has: a file, a text, or tables."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import _lib
from ._errors import StudyError


def _plain(value: object) -> object:
    """What JSON does not know: numbers and arrays of NumPy, paths, other mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    hint = "give numbers, text, lists and dicts"
    raise StudyError(f"a study has no place for {type(value).__name__}: {value!r}\n  hint: {hint}", hint)


def _absent(value: object, path: str) -> None:
    """Refuse None, which neither TOML nor a study has."""
    if value is None:
        hint = "leave the field out"
        raise StudyError(f"{path}: None is no value of a field\n  hint: {hint}", hint, path)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _absent(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _absent(inner, path)


def _json(value: object, path: str) -> str:
    _absent(value, path)
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        if isinstance(error, StudyError):
            raise
        raise StudyError(f"{path or 'the study'}: {error}", field=path or None) from None


def _overrides(
    assignments: Mapping[str, Any] | Iterable[str] | None, seed: int | None
) -> list[str]:
    """Assignments as ``--set`` takes them, with the seed as the last."""
    if assignments is None:
        texts = []
    elif isinstance(assignments, str):
        texts = [assignments]
    elif isinstance(assignments, Mapping):
        texts = [_lib.assignment(field, _json(value, field)) for field, value in assignments.items()]
    else:
        texts = list(assignments)
    return texts if seed is None else [*texts, f"seed={int(seed)}"]


def read(
    study: str | os.PathLike[str] | Mapping[str, Any],
    assignments: Mapping[str, Any] | Iterable[str] | None,
    seed: int | None,
    *,
    own: bool,
) -> _lib.Study:
    """Read a study, and put assignments over it; one for an `own` problem needs no table ``problem``."""
    overrides = _overrides(assignments, seed)
    if isinstance(study, Mapping):
        return _lib.of_json(_json(study, ""), overrides, own)
    if isinstance(study, str) and "\n" in study:
        return _lib.of_text(study, overrides, own)
    return _lib.of_file(Path(study), overrides, own)

"""Drawings of records on axes of matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._record import Record

# Okabe and Ito's colours, which readers with any common colour vision tell apart, and marks for print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999999")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<")
_MEASURED = "#000000"
# Batch sizes.
_LINES = ("-", "--", ":", "-.")


def draw(record: Record, name: str, ax: Any) -> Any:
    """Draw what `name` says of a record; see `Record.plot`."""
    if name not in _DRAWINGS:
        raise KeyError(f"there is no drawing {name!r}; there are {', '.join(_DRAWINGS)}")
    axes = _axes(ax)
    _DRAWINGS[name](record, axes)
    return axes


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _table(record: Record, name: str) -> Any:
    if name not in record.tables:
        raise ValueError(f"the record has no table {name!r}: its study did not ask for that")
    return record.table(name)


def _spectrum(record: Record, ax: Any) -> None:
    table = _table(record, "spectrum")
    rank, value, outlier = table["rank"], table["eigenvalue"], table["outlier"]
    for chosen, mark, colour, label in (
        (outlier & (value > 0), "o", _COLOURS[0], "outliers"),
        (~outlier & (value > 0), ".", _COLOURS[7], "others"),
        (value < 0, "x", _COLOURS[1], "negative, by their size"),
    ):
        if chosen.any():
            ax.plot(rank[chosen], np.abs(value[chosen]), mark, ms=4, color=colour, label=label)
    ax.set(xlabel="rank", ylabel="Hessian eigenvalue (loss/parameter²)", yscale="log")
    ax.legend()


def _noise(record: Record, ax: Any) -> None:
    table = _table(record, "noise")
    h, noise = table["curvature"], table["noise"]
    known = (noise > 0) & (h > 0)
    bars = np.maximum([noise - table["noise_low"], table["noise_high"] - noise], 0)
    ax.errorbar(h[known], noise[known], bars[:, known], fmt="o", color=_COLOURS[0], label="along eigenvectors, 95 %")
    line = np.array([h[known].min(), h[known].max()])
    ax.plot(line, 2 * record.results["minimum"]["loss"] * line, "--", color=_MEASURED, label="2 L h")
    ax.set(xlabel="curvature h (loss/parameter²)", ylabel="noise vᵀCv (gradient²)", xscale="log", yscale="log")
    ax.legend()


def _escape(record: Record, ax: Any) -> None:
    settings = [setting for setting in record.results["settings"] if setting.get("escape")]
    if not settings:
        raise ValueError("the record has no escapes: its study did not ask for them")
    for size, line, mark in _sizes(settings):
        rows = [setting for setting in settings if setting["batch_size"] == size]
        found = [(row["learning_rate"], row["escape"]["measured"]["log10_mean_steps"]) for row in rows]
        known = [(rate, steps["value"], *steps["ci95"]) for rate, steps in found if steps is not None]
        if known:
            rate, value, low, high = np.array(known).T
            bars = [value - low, high - value]
            style = {"fmt": mark, "mfc": "none", "ms": 9, "color": _MEASURED, "capsize": 3}
            ax.errorbar(rate, value, bars, label=f"SGD, B = {size} ({line}), 95 %", **style)
    _predictions(settings, ax)
    _label_steps(ax)


def _sizes(settings: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """Batch sizes, each with a line and a mark."""
    sizes = sorted({setting["batch_size"] for setting in settings})
    return [(size, _LINES[k % len(_LINES)], _MARKS[k % len(_MARKS)]) for k, size in enumerate(sizes)]


def _predictions(settings: list[dict[str, Any]], ax: Any) -> None:
    """What each theory says over the learning rates, a line for each batch size."""
    named: set[str] = set()
    theories = list(dict.fromkeys(name for row in settings for name in row["escape"]["predictions"] or {}))
    for size, line, _ in _sizes(settings):
        for number, theory in enumerate(theories):
            rows = [row for row in settings if row["batch_size"] == size]
            found = [(row["learning_rate"], row["escape"]["predictions"][theory]["log10_mean_steps"]) for row in rows]
            known = sorted((rate, steps) for rate, steps in found if steps is not None)
            if known:
                style = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKS[number % len(_MARKS)], "ms": 4}
                ax.plot(*np.array(known).T, line, label=None if theory in named else theory, **style)
                named.add(theory)


def _label_steps(ax: Any) -> None:
    ax.set(xlabel="learning rate η", ylabel="log₁₀ mean steps to escape", xscale="log")
    ax.legend(fontsize="small", ncols=2)


def _survival(record: Record, ax: Any) -> None:
    table = _table(record, "escape_times")
    chosen = table["dynamics"] == "sgd"
    settings, steps, escaped = table["setting"][chosen], table["steps"][chosen], table["end"][chosen] == "escaped"
    for number, setting in enumerate(np.unique(settings)):
        here = settings == setting
        times = np.sort(steps[here & escaped])
        # Replicas that are censored are so after all others.
        left = 1 - np.arange(1, len(times) + 1) / here.sum()
        row = record.results["settings"][setting]
        label = f"η = {row['learning_rate']:g}, B = {row['batch_size']}"
        ax.step([0, *times], [1, *left], where="post", color=_COLOURS[number % len(_COLOURS)], label=label)
    ax.set(xlabel="steps", ylabel="share that has not escaped", yscale="log")
    ax.legend()


def _training(record: Record, ax: Any) -> None:
    table = _table(record, "training")
    ax.plot(table["step"], table["loss"], "-", color=_COLOURS[0], label="batches")
    ax.set(xlabel="steps", ylabel="loss", yscale="log")
    ax.legend()


_DRAWINGS: dict[str, Callable[[Any, Any], None]] = {
    "spectrum": _spectrum,
    "noise": _noise,
    "escape": _escape,
    "survival": _survival,
    "training": _training,
}


def of_predictions(settings: list[dict[str, Any]], ax: Any) -> Any:
    """Draw predictions over the learning rates; see `Predictions.plot`."""
    axes = _axes(ax)
    _predictions(settings, axes)
    _label_steps(axes)
    return axes

"""Drawings on axes of matplotlib: what they show is what was measured."""

from __future__ import annotations

import logscape
import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def test_drawings_show_the_record(wave: logscape.Record) -> None:
    figure, axes = matplotlib.pyplot.subplots(2, 2)
    spectrum, noise, escape, survival = axes.ravel()
    assert wave.plot("spectrum", spectrum) is spectrum
    assert np.array_equal(spectrum.lines[0].get_ydata(), wave.table("spectrum")["eigenvalue"])
    wave.plot("noise", noise)
    assert np.array_equal(noise.containers[0].lines[0].get_xdata(), wave.table("noise")["curvature"])
    wave.plot("escape", escape)
    measured = [setting["escape"]["measured"]["log10_mean_steps"] for setting in wave.results["settings"]]
    assert list(escape.containers[0].lines[0].get_ydata()) == [steps["value"] for steps in measured]
    kramers = next(line for line in escape.lines if line.get_label() == "kramers")
    wanted = [setting["escape"]["predictions"]["kramers"]["log10_mean_steps"] for setting in wave.results["settings"]]
    assert list(kramers.get_ydata()) == wanted
    wave.plot("survival", survival)
    times = wave.table("escape_times")
    here = (times["dynamics"] == "sgd") & (times["setting"] == 0)
    steps, left = survival.lines[0].get_data()
    median = np.median(times["steps"][here])
    assert left[np.searchsorted(steps, median, side="right") - 1] == pytest.approx(0.5, abs=0.02)
    assert all(ax.get_xlabel() and ax.get_ylabel() and ax.get_legend() for ax in axes.ravel())
    matplotlib.pyplot.close(figure)


def test_a_drawing_that_is_not_there(wave: logscape.Record) -> None:
    with pytest.raises(KeyError, match="there are spectrum, noise, escape, survival, training"):
        wave.plot("landscape")
    with pytest.raises(ValueError, match="no table 'training'"):
        wave.plot("training")
    matplotlib.pyplot.close("all")

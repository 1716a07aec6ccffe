"""Records as tables of pandas and data sets of xarray: predictions beside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Results = dict[str, Any]

_SGD = "sgd"
_NONE = float("nan")


def frame(results: Results, attributes: dict[str, Any]) -> pd.DataFrame:
    """One row for each setting and theory, and one for each setting without predictions."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for number, setting in enumerate(results["settings"]):
        escape = setting.get("escape") or {}
        row = {
            "setting": number,
            "learning_rate": setting["learning_rate"],
            "batch_size": setting["batch_size"],
            "sampling": setting["sampling"],
            "phi": _number(setting.get("phi")),
            "phi_with_strength": _number(setting.get("phi_measured")),
            **_interval("phi_measured", (setting.get("stationary") or {}).get("tail_exponent")),
            **_interval("log10_steps_measured", (escape.get("measured") or {}).get("log10_mean_steps")),
        }
        verdict = escape.get("verdict") or {}
        predictions = escape.get("predictions") or {}
        for theory, prediction in predictions.items():
            judgement = (verdict.get("theories") or {}).get(theory) or {}
            rows.append(
                {
                    **row,
                    "theory": theory,
                    "log10_steps": _number(prediction.get("log10_mean_steps")),
                    "error_decades": _number((verdict.get("error_decades") or {}).get(theory)),
                    "error_low": _number(judgement.get("at_least")),
                    "error_high": _number(judgement.get("at_most")),
                    "holds": judgement.get("holds"),
                    "trusted": verdict.get("trusted") == theory,
                }
            )
        if not predictions:
            rows.append(row)
    table: pd.DataFrame = pd.DataFrame(rows)
    if "holds" in table:
        table["holds"] = table["holds"].astype("boolean")
    table.attrs.update(attributes)
    return table


def dataset(results: Results) -> xr.Dataset:
    """Numbers over the dimensions `setting`, `theory` and `dynamics`; not a number where there is none."""
    import numpy as np
    import xarray as xr

    settings = results["settings"]
    escapes = [setting.get("escape") or {} for setting in settings]
    theories = list(dict.fromkeys(theory for escape in escapes for theory in escape.get("predictions") or {}))
    others = [
        entry["name"]
        for setting, escape in zip(settings, escapes, strict=True)
        for entry in [*escape.get("dynamics", []), *setting.get("stationary_dynamics", [])]
    ]
    dynamics = list(dict.fromkeys([_SGD, *others]))

    def over(dimensions: tuple[str, ...], values: Any, words: str, unit: str) -> Any:
        return dimensions, np.array(values, dtype=float), {"long_name": words, "units": unit}

    def by_theory(value: Any) -> list[list[float]]:
        return [[_number(value(escape, theory)) for theory in theories] for escape in escapes]

    laws = [_laws(setting) for setting in settings]
    times = [_times(escape) for escape in escapes]
    ends = {"": "value", "_low": "lower end of the 95 % interval", "_high": "upper end of the 95 % interval"}
    variables = {
        "phi": over(("setting",), [_number(s.get("phi")) for s in settings], "predicted stationary exponent", "1"),
        "log10_steps": over(
            ("setting", "theory"),
            by_theory(lambda escape, theory: ((escape.get("predictions") or {}).get(theory) or {}).get("log10_mean_steps")),
            "predicted mean steps to escape",
            "log10(steps)",
        ),
        "error_decades": over(
            ("setting", "theory"),
            by_theory(lambda escape, theory: ((escape.get("verdict") or {}).get("error_decades") or {}).get(theory)),
            "log10(predicted/measured) steps",
            "decades",
        ),
    }
    for place, (end, words) in enumerate(ends.items()):
        for name, found, what, unit in (
            ("phi_measured", laws, "measured stationary exponent", "1"),
            ("log10_steps_measured", times, "measured mean steps to escape", "log10(steps)"),
        ):
            values = [[_parts(of.get(one))[place] for one in dynamics] for of in found]
            variables[name + end] = over(("setting", "dynamics"), values, f"{what}: {words}", unit)
    coordinates = {
        "theory": theories,
        "dynamics": dynamics,
        "learning_rate": over(("setting",), [s["learning_rate"] for s in settings], "learning rate", "1"),
        "batch_size": ("setting", [s["batch_size"] for s in settings], {"long_name": "batch size", "units": "samples"}),
    }
    return xr.Dataset(variables, coordinates, {"meaning": "predictions beside what was measured"})


def _laws(setting: dict[str, Any]) -> dict[str, Any]:
    """Fitted exponents by dynamics."""
    others = {entry["name"]: entry.get("tail_exponent") for entry in setting.get("stationary_dynamics", [])}
    return {_SGD: (setting.get("stationary") or {}).get("tail_exponent"), **others}


def _times(escape: dict[str, Any]) -> dict[str, Any]:
    """Measured escape times by dynamics."""
    others = {entry["name"]: entry["measured"]["log10_mean_steps"] for entry in escape.get("dynamics", [])}
    return {_SGD: (escape.get("measured") or {}).get("log10_mean_steps"), **others}


def _number(value: float | None) -> float:
    return _NONE if value is None else value


def _parts(estimate: dict[str, Any] | None) -> tuple[float, float, float]:
    """Value and ends of the interval of an estimate."""
    if estimate is None:
        return _NONE, _NONE, _NONE
    low, high = estimate["ci95"]
    return estimate["value"], low, high


def _interval(name: str, estimate: dict[str, Any] | None) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), _parts(estimate), strict=True))

"""Records of problems of the caller's own against the published schema of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest

SCHEMA = Path(__file__).parents[2] / "logscape-study/schema/results.schema.json"
SAMPLES = 40
STUDY = {
    "name": "own",
    "seed": 2,
    "minimum": {"train": {"optimiser": "adam", "learning_rate": 0.05, "batch_size": 8, "steps": 400}, "accept": True},
    "curvature": {"matrices": ["hessian", "gauss-newton", "noise-covariance"]},
    "sgd": {"learning_rate": [0.1, 0.3], "batch_size": 2},
    "stationary": {"replicas": 16, "burn_in": 50, "steps": 100},
    "escape": {"region": {"loss-factor": 1.5}, "method": "direct", "replicas": 16, "max_steps": 2000},
}


def data() -> tuple[Any, Any]:
    random = np.random.default_rng(6)
    x = random.normal(size=(SAMPLES, 2))
    return x, np.tanh(x @ [[1.5], [-1.0]]) + 0.3 * random.normal(size=(SAMPLES, 1))


def of_jax() -> logscape.Problem:
    pytest.importorskip("jax")
    import jax.numpy as jnp
    import logscape.jax

    def apply(params: Any, x: Any) -> Any:
        return jnp.tanh(x @ params)[:, None]

    return logscape.jax.problem(apply, np.array([1.0, -0.5]), *data(), loss=lambda f, y: jnp.sum(jnp.log(jnp.cosh(f - y))))


def of_torch() -> logscape.Problem:
    torch = pytest.importorskip("torch")
    import logscape.torch

    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Tanh())
    return logscape.torch.problem(module, *data(), loss=lambda f, y: (f - y).cosh().log().sum())


@pytest.mark.parametrize("made", [of_jax, of_torch])
def test_a_record_of_a_loss_of_its_own_is_what_the_schema_says(made: Any, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    record = logscape.run(STUDY, problem=made(), to=tmp_path / "record", progress=False)
    results = json.loads((record.folder / "results.json").read_text())
    assert results["minimum"]["output_loss"] is None
    assert len(results["settings"]) == 2 and results["settings"][0]["escape"] and results["settings"][0]["stationary"]
    assert [error.message for error in validator.iter_errors(results)] == []
    # The validator does look at the loss: neither a name that there is not nor a number is one.
    for wrong in ("cosh", 1):
        results["minimum"]["output_loss"] = wrong
        assert not validator.is_valid(results)

"""Models of JAX, by calls, against the core's own networks and against derivatives by other means."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
import logscape.jax  # noqa: E402

INPUTS, HIDDEN, OUTPUTS, SAMPLES = 3, 3, 2, 120
SETTINGS = {
    "sgd": {"learning_rate": 0.6, "batch_size": 2},
    "escape": {"region": {"loss-factor": 1.6}, "method": "direct", "replicas": 64, "max_steps": 50_000},
}


def random(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    """Inputs, and targets of a teacher with noise."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(SAMPLES, INPUTS))
    teacher = np.tanh(x @ random(INPUTS, HIDDEN)) @ random(HIDDEN, OUTPUTS)
    return x, teacher + 0.3 * generator.normal(size=(SAMPLES, OUTPUTS))


def params() -> dict[str, Any]:
    return {
        "first": {"bias": np.zeros(HIDDEN), "weight": random(INPUTS, HIDDEN)},
        "last": {"bias": np.zeros(OUTPUTS), "weight": random(HIDDEN, OUTPUTS)},
    }


def apply(params: Any, x: Any) -> Any:
    hidden = jnp.tanh(x @ params["first"]["weight"] + params["first"]["bias"])
    return hidden @ params["last"]["weight"] + params["last"]["bias"]


@pytest.fixture(scope="module")
def problem(data: tuple[Any, Any]) -> logscape.Problem:
    return logscape.jax.problem(apply, params(), *data)


@pytest.fixture(scope="module")
def own_network(data: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The study of the same network on the same data, as the core computes it."""
    folder = tmp_path_factory.mktemp("data")
    np.savetxt(folder / "data.csv", np.concatenate(data, axis=1), delimiter=",", header="a,b,c,u,v", comments="")
    start = params()
    layers = [start["first"], start["last"]]
    theta = np.concatenate([part for layer in layers for part in (layer["weight"].T.ravel(), layer["bias"])])
    return {
        "name": "network",
        "problem": {
            "kind": "network",
            "layers": [{"linear": HIDDEN}, "tanh", {"linear": OUTPUTS}],
            "data": {"path": str(folder / "data.csv"), "targets": ["u", "v"]},
        },
        "minimum": {"start": list(theta)},
    }


def test_matrices_at_two_places_are_used_at_once(problem: logscape.Problem) -> None:
    places = [problem.start + shift for shift in (0.0, 0.5)]
    vector = random(problem.parameters)
    expected = [problem.hessian(theta) @ vector for theta in places]
    operators = [problem.hessian(theta) for theta in places]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda k: [operators[k % 2] @ vector for _ in range(100)], range(2)))
    for products, product in zip(found, expected):
        np.testing.assert_array_equal(products, np.broadcast_to(product, (100, len(product))))


def test_the_bound_of_steps_tells_that_a_replica_diverges(data: tuple[Any, Any]) -> None:
    with logscape.jax._double():
        flat, unravel = jax.flatten_util.ravel_pytree(params())
        made = logscape.jax._Calls(apply, unravel, *map(jnp.asarray, data), logscape.jax._loss("mean-square"), flat.size, OUTPUTS)
    thetas, batches = np.repeat(np.asarray(flat)[None], 3, axis=0), np.zeros((4, 3, 2), dtype=np.uint32)
    moved, bound = map(np.asarray, made.steps(thetas, batches, 0.1))
    assert np.abs(moved).max() <= bound < 1e3
    for lost in (1e200, np.nan):
        one = np.concatenate([thetas[:2], thetas[2:] * lost])
        assert not float(made.steps(one, batches, 0.1)[1]) < 1e100


def test_all_products_agree_with_each_other(data: tuple[Any, Any], problem: logscape.Problem) -> None:
    assert problem.check() == []
    classes = logscape.jax.problem(apply, params(), data[0], np.arange(SAMPLES) % OUTPUTS, loss="cross-entropy")
    assert classes.check() == []


def test_losses_have_their_formulas(data: tuple[Any, Any]) -> None:
    x, y = data
    labels = np.arange(SAMPLES) % OUTPUTS
    start = params()
    f = np.tanh(x @ start["first"]["weight"]) @ start["last"]["weight"]
    e, own = np.abs(f - y), f[np.arange(SAMPLES), labels]
    for loss, targets, wanted in (
        ("mse", y, 0.5 * (f - y) ** 2),
        ("huber", y, np.where(e < 1, 0.5 * e**2, e - 0.5)),
        ("cross-entropy", labels, np.log(np.exp(f).sum(axis=1)) - own),
        ("bce", np.eye(OUTPUTS)[labels], np.log1p(np.exp(f)) - np.eye(OUTPUTS)[labels] * f),
    ):
        problem = logscape.jax.problem(apply, start, x, targets, loss=loss)
        assert problem.loss() == pytest.approx(wanted.sum() / SAMPLES, rel=1e-12), loss


def test_loss_gradient_and_hessian_are_those_of_jax(data: tuple[Any, Any], problem: logscape.Problem) -> None:
    with logscape.jax._double():
        flat, unravel = jax.flatten_util.ravel_pytree(params())

        def loss(theta: Any) -> Any:
            return 0.5 * jnp.mean(jnp.sum((apply(unravel(theta), data[0]) - data[1]) ** 2, axis=1))

        wanted, gradient = jax.value_and_grad(loss)(flat)
        hessian = np.asarray(jax.hessian(loss)(flat))
    assert np.allclose(problem.start, flat, rtol=0, atol=0)
    assert problem.loss() == pytest.approx(float(wanted), rel=1e-13)
    assert np.abs(problem.gradient() - gradient).max() < 1e-13
    assert list(problem.names) == ["first.bias", "first.weight", "last.bias", "last.weight"]
    pytest.importorskip("scipy")
    assert np.abs(problem.hessian() @ np.eye(len(flat)) - hessian).max() < 1e-12
    block = random(len(flat), 3)
    assert np.abs(problem.hessian() @ block - hessian @ block).max() < 1e-12
    with logscape.jax._double():
        elsewhere = np.asarray(jax.hessian(loss)(flat + 0.1))
    assert np.abs(problem.hessian(problem.start + 0.1) @ np.eye(len(flat)) - elsewhere).max() < 1e-12


def test_calls_and_the_own_network_measure_the_same(
    problem: logscape.Problem, own_network: dict[str, Any], tmp_path: Path
) -> None:
    study = {**SETTINGS, "seed": 4}
    called = logscape.run({**study, "name": "called"}, problem=problem, to=tmp_path / "called", progress=False)
    own = logscape.run({**own_network, **study}, to=tmp_path / "own", progress=False)
    ours, theirs = called.results, own.results
    assert ours["minimum"]["loss"] == pytest.approx(theirs["minimum"]["loss"], rel=1e-12)
    spectra = [record.table("spectrum")["eigenvalue"] for record in (called, own)]
    assert np.abs(spectra[0] - spectra[1]).max() < 1e-8 * spectra[1][0]
    for name in ("noise_strength", "h_star"):
        for a, b in zip(
            (ours["geometry"][name]["value"], *ours["geometry"][name]["ci95"]),
            (theirs["geometry"][name]["value"], *theirs["geometry"][name]["ci95"]),
            strict=True,
        ):
            assert a == pytest.approx(b, rel=1e-6), name
    predictions = [results["settings"][0]["escape"]["predictions"] for results in (ours, theirs)]
    for theory, prediction in predictions[1].items():
        wanted = prediction["log10_mean_steps"]
        assert predictions[0][theory]["log10_mean_steps"] == (wanted if wanted is None else pytest.approx(wanted, rel=1e-6))
    times = [record.table("escape_times")["steps"] for record in (called, own)]
    assert (np.sort(times[0]) == np.sort(times[1])).mean() > 0.9
    measured = [results["settings"][0]["escape"]["measured"]["log10_mean_steps"] for results in (ours, theirs)]
    assert measured[0]["ci95"][0] < measured[1]["value"] < measured[0]["ci95"][1]


def test_calls_and_the_own_network_walk_the_same_path(
    problem: logscape.Problem, own_network: dict[str, Any], tmp_path: Path
) -> None:
    """The same batches, so that the paths are the same but for rounding, which does not grow near a minimum."""
    study = {
        "seed": 4,
        "sgd": {"learning_rate": 0.2, "batch_size": 2},
        "output": {"trajectories": {"every": 8, "replicas": 2, "steps": 1_000}},
    }
    called = logscape.run({**study, "name": "called"}, problem=problem, to=tmp_path / "called", progress=False)
    own = logscape.run({**own_network, **study}, to=tmp_path / "own", progress=False)
    paths = [record.table("trajectories")["loss"] for record in (called, own)]
    assert len(paths[0]) == len(paths[1]) == 2 * 126 and np.ptp(paths[1]) > 0.1
    assert np.abs(paths[0] - paths[1]).max() < 1e-10


def test_steps_from_a_problem_to_a_verdict(problem: logscape.Problem) -> None:
    minimum = problem.minimum(seed=3, progress=False)
    assert minimum.converged and minimum.loss == pytest.approx(problem.loss(minimum.parameters), rel=1e-12)
    assert minimum.parameters["first"]["weight"].shape == (INPUTS, HIDDEN)
    assert np.abs(problem.gradient(minimum.record)).max() < 1e-7
    assert minimum.results["parameters"] == problem.parameters == len(minimum.eigenvalues)
    found = minimum.predict([0.1, 0.6], 2, region={"loss-factor": 1.6}, progress=False)
    assert [setting["learning_rate"] for setting in found.settings] == [0.1, 0.6]
    escape = minimum.escape(0.6, 2, region={"loss-factor": 1.6}, replicas=32, progress=False)
    predicted = {
        name: prediction["log10_mean_steps"] for name, prediction in found.settings[1]["predictions"].items()
    }
    assert predicted == {
        name: prediction["log10_mean_steps"]
        for name, prediction in escape.results["settings"][0]["escape"]["predictions"].items()
    }
    assert escape.verdict[0]["learning_rate"] == 0.6
    assert escape.results["minimum"] == minimum.record.results["minimum"]
    law = minimum.stationary(0.3, 2, replicas=16, burn_in=50, steps=200, sampling="epoch-shuffle", progress=False)
    assert law.results["settings"][0]["sampling"] == "epoch-shuffle"
    blocks = minimum.geometry(matrices=["hessian"], layers=["first*"], progress=False).record.results["curvature"]
    assert [block.get("block") for block in blocks] == [None, "first*"]
    folder = minimum.record.folder
    assert folder.exists()
    del minimum
    assert not folder.exists()


def test_a_minimum_has_the_types_of_the_model(data: tuple[Any, Any]) -> None:
    single = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params())
    problem = logscape.jax.problem(apply, single, *data)
    minimum = problem.minimum(progress=False)
    assert {leaf.dtype for leaf in jax.tree.leaves(minimum.parameters)} == {np.dtype(np.float32)}
    # Where the next begins is not rounded.
    assert np.abs(problem.gradient(minimum.record)).max() < 1e-7


def test_a_model_of_attention_needs_no_translation() -> None:
    """Outputs of each sample by attention over its tokens: nothing that the core has layers for."""
    tokens, width = 4, 3
    x = random(40, tokens, width)
    y = np.tanh(x[:, 0] @ random(width, 2)) + 0.2 * random(40, 2)
    start = {name: 0.5 * random(width, width) for name in ("keys", "queries", "values")} | {"out": random(width, 2)}

    def attend(params: Any, x: Any) -> Any:
        keys, queries, values = (x @ params[name] for name in ("keys", "queries", "values"))
        weights = jax.nn.softmax(queries @ keys.swapaxes(1, 2) / np.sqrt(width))
        return (weights @ values).mean(axis=1) @ params["out"]

    problem = logscape.jax.problem(attend, start, x, y)
    assert problem.check() == []
    training = {"optimiser": "adam", "learning_rate": 0.02, "batch_size": 8, "epochs": 30}
    minimum = problem.minimum(train=training, accept=True, progress=False)
    assert minimum.results["noise_strength"]["value"] > 0
    escape = minimum.escape(0.05, 4, replicas=16, max_steps=500, method="direct", progress=False)
    assert "phi" in escape.results["settings"][0] and escape.verdict[0]["text"]


def test_a_loss_of_the_callers_own(data: tuple[Any, Any], problem: logscape.Problem) -> None:
    x, y = data

    def cosh(f: Any, y: Any) -> Any:
        return jnp.sum(jnp.log(jnp.cosh(f - y)))

    own = logscape.jax.problem(apply, params(), x, y, loss=cosh)
    start = params()
    f = np.tanh(x @ start["first"]["weight"]) @ start["last"]["weight"]
    assert own.loss_name == "own" and own.loss() == pytest.approx(np.log(np.cosh(f - y)).sum() / SAMPLES, rel=1e-12)
    assert own.check() == []
    minimum = own.minimum(progress=False)
    assert minimum.converged and minimum.results["output_loss"] is None
    assert minimum.results.get("effective_parameters") is None
    # The mean square, in other words.
    same = logscape.jax.problem(apply, params(), x, y, loss=lambda f, y: 0.5 * jnp.sum((f - y) ** 2))
    assert np.abs(same.minimum(progress=False).eigenvalues - problem.minimum(progress=False).eigenvalues).max() < 1e-9
    with pytest.raises(logscape.ModelError, match="one number"):
        logscape.jax.problem(apply, params(), x, y, loss=lambda f, y: (f - y) ** 2)
    with pytest.raises(logscape.ModelError, match="targets: 5 rows"):
        logscape.jax.problem(apply, params(), x, y[:5], loss=cosh)


def test_some_parameters_with_the_others_fixed(data: tuple[Any, Any], problem: logscape.Problem) -> None:
    pytest.importorskip("scipy")
    last = problem.select("last")
    assert last.names == {"last.bias": OUTPUTS, "last.weight": HIDDEN * OUTPUTS} and last.loss() == problem.loss()
    rows = np.arange(HIDDEN + INPUTS * HIDDEN, problem.parameters)
    whole = problem.hessian() @ np.eye(problem.parameters)
    assert np.abs(last.hessian() @ np.eye(len(rows)) - whole[np.ix_(rows, rows)]).max() < 1e-13
    # With the first layer fixed, the last is that of linear regression.
    minimum = last.minimum(progress=False)
    hidden = np.tanh(data[0] @ params()["first"]["weight"])
    columns = np.concatenate([hidden, np.ones((SAMPLES, 1))], axis=1)
    wanted = np.linalg.lstsq(columns, data[1], rcond=None)[0]
    found = minimum.parameters
    assert np.abs(found["last"]["weight"] - wanted[:-1]).max() < 1e-9
    assert np.abs(found["last"]["bias"] - wanted[-1]).max() < 1e-9
    assert np.array_equal(found["first"]["weight"], params()["first"]["weight"])
    # At parameters of the whole, of which those that are fixed must be the same.
    assert last.loss(found) == pytest.approx(minimum.loss, rel=1e-12)
    with pytest.raises(ValueError, match="not selected"):
        last.loss(jax.tree.map(lambda leaf: leaf + 1.0, params()))
    with pytest.raises(KeyError, match="no parameter is named second"):
        problem.select("second")
    assert problem.select("*.bias").select("first").names == {"first.bias": HIDDEN}


def test_what_a_model_raises_comes_back_as_it_was(data: tuple[Any, Any], tmp_path: Path) -> None:
    class Late(Exception):
        """A fault of the user's own."""

    calls = []

    def faulty(params: Any, x: Any) -> Any:
        def count(out: Any) -> Any:
            calls.append(len(out))
            if len(calls) == 40:
                raise Late("the third disk is full")
            return out

        return apply(params, jax.pure_callback(count, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="sequential"))

    problem = logscape.jax.problem(faulty, params(), *data)
    with pytest.raises(Exception, match="the third disk is full") as raised:
        logscape.run({"name": "late"}, problem=problem, to=tmp_path / "late", progress=False)
    assert any("at the stage `minimum`" in note for note in raised.value.__notes__)
    assert list(tmp_path.iterdir()) == []
    # The problem can be used again.
    assert np.isfinite(problem.loss())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": np.zeros((5, INPUTS))}, "5 inputs"),
        ({"inputs": np.full((SAMPLES, INPUTS), np.nan)}, "inputs: a number is not finite"),
        ({"targets": np.zeros((SAMPLES, 3))}, "3 numbers for each sample, but the model has 2 outputs"),
        ({"targets": np.zeros(SAMPLES, dtype=int)}, "labels need loss='cross-entropy'"),
        ({"targets": np.full(SAMPLES, 2), "loss": "cross-entropy"}, "the label 2 for 2 outputs"),
        ({"loss": "hinge"}, "there is no loss 'hinge'"),
        ({"apply": lambda params, x: jnp.mean(apply(params, x))}, "a single number"),
        ({"apply": lambda params, x: apply(params, x) - apply(params, x).mean(axis=0)}, "depend on the others"),
        ({"apply": lambda params, x: apply(params, x) / 0.0}, "are not finite"),
        ({"params": {"first": np.zeros(3, dtype=np.float16)}}, "`first` is of float16"),
        ({"params": {"first": np.array([1, 2])}}, "`first` is of int"),
        ({"params": {"a": {"b": np.array([np.inf])}}}, "`a.b` has a number that is not finite"),
        ({"params": {}}, "there are no parameters"),
    ],
)
def test_traps_are_found_before_any_work(data: tuple[Any, Any], change: dict[str, Any], words: str) -> None:
    arguments = {"apply": apply, "params": params(), "inputs": data[0], "targets": data[1], **change}
    with pytest.raises(logscape.ModelError, match=words.replace("(", r"\(")):
        logscape.jax.problem(**arguments)


def test_a_random_model_is_found(data: tuple[Any, Any]) -> None:
    def noisy(params: Any, x: Any) -> Any:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return apply(params, x + jax.pure_callback(lambda x: np.random.default_rng().normal(size=x.shape), shape, x))

    with pytest.raises(logscape.ModelError, match="change from call to call"):
        logscape.jax.problem(noisy, params(), *data)


def test_a_study_with_a_problem_or_a_file_of_weights_is_refused(problem: logscape.Problem, tmp_path: Path) -> None:
    with pytest.raises(logscape.StudyError, match=r"minimum\.start"):
        logscape.run({"name": "a", "minimum": {"start": "weights.safetensors"}}, problem=problem, to=tmp_path / "a")
    with pytest.raises(logscape.StudyError, match="problem"):
        logscape.run(
            {"name": "a", "problem": {"kind": "mlp", "data": {"builtin": "digits"}}}, problem=problem, to=tmp_path / "a"
        )


def test_an_unfinished_run_is_continued(problem: logscape.Problem, tmp_path: Path) -> None:
    study = {"name": "a", **SETTINGS}

    def stop(event: dict[str, Any]) -> None:
        if event["event"] == "setting":
            raise InterruptedError

    with pytest.raises(InterruptedError) as stopped:
        logscape.run(study, problem=problem, to=tmp_path / "a", progress=stop)
    assert "resume=True" in stopped.value.__notes__[0]
    resumed = logscape.run(study, problem=problem, to=tmp_path / "a", resume=True, progress=False)
    whole = logscape.run(study, problem=problem, to=tmp_path / "b", progress=False)
    assert json.dumps(resumed.results) == json.dumps(whole.results)
    other = problem.at(problem.start + 0.1)
    with pytest.raises(logscape.Error, match="data have changed"):
        try:
            logscape.run(study, problem=problem, to=tmp_path / "c", progress=stop)
        except InterruptedError:
            logscape.run(study, problem=other, to=tmp_path / "c", resume=True, progress=False)

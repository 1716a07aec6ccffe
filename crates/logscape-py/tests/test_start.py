"""Problems at the parameters of a file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import logscape
import numpy as np
import pytest

SAMPLES, WORDS = 24, {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}


def safetensors(path: Path, tensors: dict[str, Any]) -> Path:
    """A file in the format as it is published: the length of a header in JSON, the header, and the bytes of all tensors."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        array = np.asarray(tensor)
        ends = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": WORDS[array.dtype.name], "shape": list(array.shape), "data_offsets": ends}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def data() -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    x = random.normal(size=(SAMPLES, 2))
    return x, np.tanh(x @ [[1.5], [-1.0]]) + 0.3 * random.normal(size=(SAMPLES, 1))


def of_jax() -> tuple[logscape.Problem, dict[str, Any]]:
    """A problem, and other parameters by the names that records give them."""
    pytest.importorskip("jax")
    import jax.numpy as jnp
    import logscape.jax

    def apply(params: Any, x: Any) -> Any:
        return jnp.tanh(x @ params["layers"][0]) @ params["out"]

    random = np.random.default_rng(2)
    start = {"layers": [random.normal(size=(2, 3))], "out": random.normal(size=(3, 1))}
    others = {"layers.0": random.normal(size=(2, 3)), "out": random.normal(size=(3, 1))}
    return logscape.jax.problem(apply, start, *data()), others


def of_torch(by: str) -> tuple[logscape.Problem, dict[str, Any]]:
    torch = pytest.importorskip("torch")
    import logscape.torch

    torch.manual_seed(2)

    def module() -> Any:
        return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))

    others = {name: tensor.numpy().astype(np.float64) for name, tensor in module().state_dict().items()}
    return logscape.torch.problem(module(), *data(), by=by), others


MODELS = {
    "jax": of_jax,
    "torch-calls": lambda: of_torch("calls"),
    "torch-translation": lambda: of_torch("translation"),
}


@pytest.fixture(params=list(MODELS), scope="module")
def made(request: pytest.FixtureRequest) -> tuple[logscape.Problem, dict[str, Any]]:
    return MODELS[request.param]()


def flat(problem: logscape.Problem, tensors: dict[str, Any]) -> Any:
    return np.concatenate([np.ravel(tensors[name]) for name in problem.names])


def test_a_file_is_a_start(made: tuple[logscape.Problem, dict[str, Any]], tmp_path: Path) -> None:
    problem, tensors = made
    file = safetensors(tmp_path / "weights.safetensors", tensors)
    theta = flat(problem, tensors)
    for path in (file, str(file)):
        np.testing.assert_array_equal(problem.at(path).start, theta)
    assert problem.loss(file) == problem.loss(theta) != problem.loss()
    # The order in the file is nothing, and single precision is taken for what it is.
    reverse = {name: tensors[name].astype(np.float32) for name in reversed(tensors)}
    np.testing.assert_array_equal(
        problem.at(safetensors(tmp_path / "single.safetensors", reverse)).start, theta.astype(np.float32)
    )


def test_a_search_starts_at_a_file(made: tuple[logscape.Problem, dict[str, Any]], tmp_path: Path) -> None:
    problem, tensors = made
    file = safetensors(tmp_path / "weights.safetensors", tensors)
    theta = flat(problem, tensors)
    options = {"search": False, "accept": True, "progress": False}
    minimum = problem.minimum(start=file, to=tmp_path / "record", **options)
    np.testing.assert_array_equal(flat(problem, minimum.record.weights), theta)
    assert minimum.loss == problem.loss(theta)
    # What a record keeps is a start as the record is.
    kept = problem.at(minimum.record.folder / "minimum.safetensors")
    np.testing.assert_array_equal(kept.start, problem.at(minimum.record).start)
    # So are numbers, and parameters in the model's form.
    for start in (list(theta), theta, minimum.parameters):
        again = problem.minimum(start=start, **options)
        assert again.loss == pytest.approx(minimum.loss, rel=1e-6)


def test_a_selection_takes_the_file_of_the_whole(made: tuple[logscape.Problem, dict[str, Any]], tmp_path: Path) -> None:
    problem, tensors = made
    first = next(iter(problem.names))
    some = problem.at(flat(problem, tensors)).select(first)
    file = safetensors(tmp_path / "weights.safetensors", {**tensors, first: 2 * tensors[first]})
    np.testing.assert_array_equal(some.at(file).start, 2 * np.ravel(tensors[first]))
    others = safetensors(tmp_path / "others.safetensors", {name: 2 * tensor for name, tensor in tensors.items()})
    with pytest.raises(ValueError, match="not selected"):
        some.at(others)


def test_a_file_that_does_not_fit_is_refused_by_its_tensor(
    made: tuple[logscape.Problem, dict[str, Any]], tmp_path: Path
) -> None:
    problem, tensors = made
    first, last = (list(tensors)[place] for place in (0, -1))
    hollow = tensors[last].copy()
    hollow.flat[0] = np.nan
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "missing": ({name: tensors[name] for name in tensors if name != last}, f"no tensor `{last}`; the file has .*{first}"),
        "more": ({**tensors, "more": np.ones(2)}, "tensor `more` is of no parameter"),
        "renamed": ({"other": tensors[first], **{n: tensors[n] for n in tensors if n != first}}, f"no tensor `{first}`"),
        "shape": ({**tensors, first: tensors[first].ravel()[None]}, f"tensor `{first}` has the shape .*the problem's"),
        "counts": ({**tensors, first: tensors[first].astype(np.int64)}, f"tensor `{first}` holds I64"),
        "hollow": ({**tensors, last: hollow}, f"tensor `{last}`: number 0 is NaN"),
    }
    for name, (written, said) in wrong.items():
        file = safetensors(tmp_path / f"{name}.safetensors", written)
        with pytest.raises(logscape.ModelError, match=said) as raised:
            problem.at(file)
        assert str(raised.value).startswith(f"{file}: ")
        with pytest.raises(logscape.ModelError, match=said):
            problem.minimum(start=file, progress=False)


def test_what_is_no_whole_file_is_refused(made: tuple[logscape.Problem, dict[str, Any]], tmp_path: Path) -> None:
    problem, tensors = made
    whole = safetensors(tmp_path / "weights.safetensors", tensors).read_bytes()
    file = tmp_path / "cut.safetensors"
    for length in (0, 7, 8, 40, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(logscape.ModelError, match="no whole safetensors file"):
            problem.at(file)
    for wrong in (b"\xff" * 16, b"PK\x03\x04" + whole, whole + b"0"):
        file.write_bytes(wrong)
        with pytest.raises(logscape.ModelError, match="no whole safetensors file"):
            problem.at(file)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        problem.at(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("by", ["calls", "translation"])
def test_a_file_of_a_state_dict_has_more_than_parameters(by: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import logscape.torch

    torch.manual_seed(4)
    images = torch.randn(SAMPLES, 2, 4, 4)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(12, 2)
    )
    module(images)
    module.eval()
    problem = logscape.torch.problem(module, images, torch.randn(SAMPLES, 2), by=by)
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    assert "1.num_batches_tracked" in state
    moved = {**state, "0.weight": 0.5 * state["0.weight"], "1.num_batches_tracked": np.array(9)}
    at = problem.at(safetensors(tmp_path / "weights.safetensors", moved))
    np.testing.assert_array_equal(at.start, flat(problem, moved))
    # A batch norm that has seen other data is another problem.
    other = safetensors(tmp_path / "other.safetensors", {**state, "1.running_var": 2 * state["1.running_var"]})
    with pytest.raises(logscape.ModelError, match="`1.running_var`.*other numbers") as raised:
        problem.at(other)
    assert raised.value.hint


def test_a_parameter_of_two_names_may_stand_under_both(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import logscape.torch

    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
            self.second.weight = self.first.weight

        def forward(self, x: Any) -> Any:
            return self.second(torch.tanh(self.first(x)))[:, :1]

    torch.manual_seed(5)
    problem = logscape.torch.problem(Tied(), *data())
    tensors = {name: np.random.default_rng(3).normal(size=(2, 2)[: 1 + ("weight" in name)]) for name in problem.names}
    assert set(tensors) == {"first.weight", "first.bias", "second.bias"}
    for both in (tensors, {**tensors, "second.weight": tensors["first.weight"]}):
        at = problem.at(safetensors(tmp_path / "weights.safetensors", both))
        np.testing.assert_array_equal(at.start, flat(problem, tensors))
    two = safetensors(tmp_path / "two.safetensors", {**tensors, "second.weight": 2 * tensors["first.weight"]})
    with pytest.raises(logscape.ModelError, match="`second.weight` and `first.weight`, which are one, have two values"):
        problem.at(two)

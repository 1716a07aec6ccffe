"""Records, and what notebooks do with them."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import logscape
import numpy as np
import pytest
from conftest import WAVE, resident


def test_what_a_run_returns_is_what_is_in_its_folder(wave: logscape.Record) -> None:
    opened = logscape.open(str(wave.folder))
    assert opened.folder == wave.folder
    assert opened.results == wave.results == json.loads((wave.folder / "results.json").read_text())
    assert opened.manifest == wave.manifest == json.loads((wave.folder / "manifest.json").read_text())
    assert opened.study == wave.study == (wave.folder / "study.toml").read_text()
    assert opened.tables == wave.tables
    assert set(wave.tables) == {path.stem for path in (wave.folder / "tables").iterdir()}
    assert repr(opened) == repr(wave) == f"<logscape.Record wave: 2 settings; {wave.folder}>"


def test_verdicts_are_those_of_the_settings(wave: logscape.Record) -> None:
    verdicts = wave.verdict
    assert [verdict["setting"] for verdict in verdicts] == [0, 1]
    for verdict, setting in zip(verdicts, wave.results["settings"], strict=True):
        own = setting["escape"]["verdict"]
        assert (verdict["trusted"], verdict["text"]) == (own["trusted"], own["text"])
        assert verdict["text"]


def test_columns_are_arrays_of_their_types(wave: logscape.Record) -> None:
    spectrum = wave.table("spectrum")
    assert spectrum.columns == ("rank", "eigenvalue", "residual", "outlier")
    assert [spectrum[name].dtype.kind for name in spectrum] == ["i", "f", "f", "b"]
    assert spectrum["eigenvalue"].tolist() == wave.results["geometry"]["eigenvalues"]
    times = wave.table("escape_times")
    escaped = wave.results["settings"][0]["escape"]["measured"]["escaped"]
    own = (times["setting"] == 0) & (times["dynamics"] == "sgd")
    assert own.sum() == WAVE["escape"]["replicas"] and len(times) == times.rows
    assert escaped > 0
    with pytest.raises(KeyError, match="eigenvalue"):
        spectrum["eigenvalues"]
    with pytest.raises(KeyError, match="spectrum"):
        wave.table("spectra")


def test_lists_are_rows_of_an_array(wave: logscape.Record) -> None:
    paths = wave.table("trajectories")
    assert paths["theta"].shape == (paths.rows, 1)
    begin = paths["theta"][paths["step"] == 0]
    np.testing.assert_array_equal(begin, np.full_like(begin, wave.results["minimum"]["theta"][0]))


def test_tables_are_what_another_reader_finds(wave: logscape.Record) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in wave.tables:
        table = wave.table(name)
        other = parquet.read_table(table.path)
        assert tuple(other.column_names) == table.columns
        for column in table:
            assert other[column].to_pylist() == table[column].tolist(), (name, column)


def test_tables_come_to_pandas_and_xarray(wave: logscape.Record) -> None:
    pandas = pytest.importorskip("pandas")
    for name in wave.tables:
        table = wave.table(name)
        frame = table.to_pandas()
        assert tuple(frame.columns) == table.columns and len(frame) == table.rows
        assert frame.attrs["name"] == name and frame.attrs["meaning"]
        for column in set(table.columns) - {"theta"}:
            assert isinstance(frame[column], pandas.Series)
            np.testing.assert_array_equal(frame[column].to_numpy(), table[column])


def test_tables_come_to_arrow_as_they_are(wave: logscape.Record) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    kinds = {"b": arrow.bool_(), "i": arrow.int64(), "f": arrow.float64(), "U": arrow.large_string()}
    for name in wave.tables:
        table = wave.table(name)
        taken = arrow.table(table)
        assert tuple(taken.column_names) == table.columns and taken.num_rows == table.rows
        assert taken.schema.metadata == {b"name": name.encode(), b"meaning": table.meaning.encode()}
        file = parquet.read_table(table.path)
        for column in table:
            array = table[column]
            wanted = kinds[array.dtype.kind] if array.ndim == 1 else arrow.large_list(arrow.float64())
            assert taken.schema.field(column).type == wanted
            assert taken[column].null_count == 0
            # Numbers that are not numbers are equal to nothing.
            np.testing.assert_equal(taken[column].to_pylist(), file[column].to_pylist())
        taken.validate(full=True)
    # A stream is another one each time, may be left unread, and lives longer than its table.
    streams = [wave.table("spectrum").__arrow_c_stream__() for _ in range(2)]
    assert len(streams) == 2 and "arrow_array_stream" in repr(streams[0])
    taken = arrow.table(wave.table("spectrum"))
    assert taken["eigenvalue"].to_pylist() == wave.results["geometry"]["eigenvalues"]


def test_frames_take_tables_by_arrow(wave: logscape.Record) -> None:
    times = wave.table("escape_times")
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas", minversion="3")
    np.testing.assert_array_equal(pandas.DataFrame.from_arrow(times)["steps"], times["steps"])
    polars = pytest.importorskip("polars")
    for name in wave.tables:
        frame = polars.DataFrame(wave.table(name))
        assert tuple(frame.columns) == wave.table(name).columns
    frame = polars.DataFrame(times)
    np.testing.assert_array_equal(frame["steps"].to_numpy(), times["steps"])
    assert frame["dynamics"].to_list() == times["dynamics"].tolist()


def test_predictions_stand_beside_measurements_in_pandas(wave: logscape.Record) -> None:
    pandas = pytest.importorskip("pandas")
    frame = wave.to_pandas()
    theories = sum(len(setting["escape"]["predictions"]) for setting in wave.results["settings"])
    assert len(frame) == theories and frame.attrs["seed"] == 3
    known = frame.dropna(subset=["log10_steps", "log10_steps_measured"])
    assert len(known) > 5
    # The error is the difference of what stands beside it, within its interval.
    error = known["log10_steps"] - known["log10_steps_measured"]
    np.testing.assert_allclose(error, known["error_decades"], rtol=0, atol=1e-12)
    assert ((known["error_low"] <= error) & (error <= known["error_high"])).all()
    inside = (known["log10_steps_measured_low"] <= known["log10_steps_measured"]) & (
        known["log10_steps_measured"] <= known["log10_steps_measured_high"]
    )
    assert inside.all()
    for number, setting in enumerate(wave.results["settings"]):
        own = frame[frame["setting"] == number].set_index("theory")
        for theory, judgement in setting["escape"]["verdict"]["theories"].items():
            assert (own["holds"][theory] is pandas.NA) == (judgement["holds"] is None)


def test_tables_come_to_xarray_with_their_units(wave: logscape.Record) -> None:
    pytest.importorskip("xarray")
    for name in wave.tables:
        table = wave.table(name)
        data = table.to_xarray()
        assert set(data.variables) == set(table.columns) and data.attrs == {"name": name, "meaning": table.meaning}
        for column in table:
            np.testing.assert_array_equal(data[column], table[column])
            # Each has words of its own, and numbers have a unit but for those that one cannot be told of.
            assert data[column].attrs["long_name"] != column, (name, column)
            if table[column].dtype.kind in "if":
                assert data[column].attrs["units"] or (name, column) == ("phase_diagram", "value")
    assert dict(wave.table("spectrum").to_xarray().sizes) == {"rank": 1}
    times = wave.table("escape_times").to_xarray()
    assert times["steps"].attrs["units"] == "steps" and times["time"].attrs["units"] == "learning_rate * steps"
    np.testing.assert_allclose(times["time"], times["learning_rate"] * times["steps"], rtol=1e-12)
    # What tells rows apart is enough to take the table apart.
    dense = times.set_index(row=["setting", "dynamics", "replica"])["steps"].unstack("row")
    assert dict(dense.sizes) == {"setting": 2, "dynamics": 2, "replica": WAVE["escape"]["replicas"]}
    own = (times["setting"] == 1) & (times["dynamics"] == "heavy-ball")
    np.testing.assert_array_equal(dense.sel(setting=1, dynamics="heavy-ball"), times["steps"][own])
    paths = wave.table("trajectories").to_xarray()
    assert paths["theta"].dims == ("row", "parameter") and "replica" in paths.coords


def test_a_record_comes_to_xarray_as_a_tree(wave: logscape.Record) -> None:
    xarray = pytest.importorskip("xarray")
    tree = wave.to_xarray()
    assert isinstance(tree, xarray.DataTree)
    assert tree.attrs["study"] == "wave" and tree.attrs["seed"] == 3 and tree.attrs["settings"] == wave.study
    assert set(tree.children) == {"settings", *wave.tables} and not tree.ds.variables
    for name in wave.tables:
        assert tree[name].to_dataset().identical(wave.table(name).to_xarray())
    for node in tree.subtree:
        for variable in node.ds.data_vars.values():
            assert variable.attrs["long_name"]
    html = tree._repr_html_()
    assert "escape_times" in html and "mean steps to escape" in html and len(html) < 1_000_000


def test_predictions_stand_beside_measurements_in_xarray(wave: logscape.Record) -> None:
    pytest.importorskip("xarray")
    data = wave.to_xarray()["settings"]
    assert dict(data.sizes)["setting"] == 2
    assert data["dynamics"].values.tolist() == ["sgd", "heavy-ball"]
    assert data["log10_steps"].attrs["units"] == "log10(steps)"
    first = wave.results["settings"][0]
    measured = data["log10_steps_measured"].isel(setting=0)
    assert float(measured.sel(dynamics="sgd")) == first["escape"]["measured"]["log10_mean_steps"]["value"]
    momentum = first["escape"]["dynamics"][0]["measured"]["log10_mean_steps"]
    assert float(measured.sel(dynamics="heavy-ball")) == momentum["value"]
    low = data["log10_steps_measured_low"].sel(setting=0, dynamics="heavy-ball")
    assert float(low) == momentum["ci95"][0]


def test_a_study_without_escapes_has_one_row_for_each_setting(tmp_path: Path) -> None:
    study = {name: table for name, table in WAVE.items() if name not in ("escape", "stationary", "output", "dynamics")}
    record = logscape.run(study, to=tmp_path / "record", progress=False)
    assert record.verdict == []
    assert "wave" in record._repr_html_()
    pytest.importorskip("pandas")
    frame = record.to_pandas()
    assert frame["learning_rate"].tolist() == [0.2, 0.4] and "theory" not in frame
    pytest.importorskip("xarray")
    assert dict(record.to_xarray()["settings"].sizes) == {"setting": 2, "theory": 0, "dynamics": 1}


def test_weights_are_the_minimum(wave: logscape.Record) -> None:
    assert {name: array.tolist() for name, array in wave.weights.items()} == {"theta": wave.results["minimum"]["theta"]}


def test_figures_are_those_of_the_folder(wave: logscape.Record) -> None:
    assert set(wave.figures) == {path.stem for path in (wave.folder / "figures").iterdir()}
    for name in wave.figures:
        figure = wave.figure(name)
        assert figure.svg == figure._repr_svg_() == (wave.folder / "figures" / f"{name}.svg").read_text()
        assert ElementTree.fromstring(figure.svg).tag.endswith("svg")
        assert figure.title and figure.caption
    with pytest.raises(KeyError, match="spectrum"):
        wave.figure("nothing")


def test_the_table_of_a_notebook_is_html(tmp_path: Path, wave: logscape.Record) -> None:
    place = tmp_path / "a <b> & c"
    shutil.copytree(wave.folder, place)
    html = logscape.open(place)._repr_html_()
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            while tags.pop() != tag:
                raise AssertionError(f"</{tag}> closes something else")

    Parser().feed(html)
    assert tags == [] and "a &lt;b&gt; &amp; c" in html and html.count("<tr>") == 3


@pytest.mark.parametrize("file", ["results.json", "tables/spectrum.parquet", "manifest.json", "minimum.safetensors"])
def test_a_damaged_record_is_refused(tmp_path: Path, wave: logscape.Record, file: str) -> None:
    place = tmp_path / "record"
    shutil.copytree(wave.folder, place)
    path = place / file
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(logscape.Error, match=path.name) as raised:
        logscape.open(place)
    assert raised.value.hint
    path.unlink()
    with pytest.raises(logscape.Error):
        logscape.open(place)


def test_what_is_no_record_is_refused(tmp_path: Path, wave: logscape.Record) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nothing", tmp_path, tmp_path / "file"):
        with pytest.raises(logscape.Error, match="cannot read"):
            logscape.open(place)
    # One that goes away after it was opened says so.
    place = tmp_path / "record"
    shutil.copytree(wave.folder, place)
    record = logscape.open(place)
    shutil.rmtree(place)
    with pytest.raises((logscape.Error, KeyError)):
        record.table("spectrum")
    with pytest.raises(logscape.Error, match="cannot read"):
        record.figures


def test_memory_does_not_grow_with_what_was_opened(wave: logscape.Record) -> None:
    def work(times: int) -> None:
        for _ in range(times):
            record = logscape.open(wave.folder)
            record.table("escape_times")["steps"].sum()
            record.table("escape_times").__arrow_c_stream__()
            assert record.results

    work(100)
    before = resident()
    work(1000)
    # A leak of the smallest file of the record, of some kilobytes, would be above this.
    assert resident() - before < 4e6

import json

import pytest
from click.testing import CliRunner

import corekit as ck
from corekit.cli import group
from corekit.registry import registry
from tests.saving.conftest import Scale
from tests.saving.keras_files import members, row, scale, write

pytest.importorskip("h5py", reason="the extra corekit[keras]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model of Keras, and a program that has registered its one layer."""
    monkeypatch.setattr(registry, "_local", [])
    registry._views.clear()
    monkeypatch.chdir(tmp_path)
    ck.register(Scale)
    write(tmp_path / "x.keras")
    yield tmp_path
    registry._views.clear()


def run(*words):
    return CliRunner().invoke(group, ["convert", *words])


def test_convert_writes_the_same_model(folder):
    result = run("x.keras", "y.safetensors")

    assert result.exit_code == 0, result.output
    size = (folder / "y.safetensors").stat().st_size
    assert (
        result.stdout == f'Wrote y.safetensors ({size:,} bytes): "row" with 1 layer and 5 parameters; not compiled.\n'
    )
    assert [w.tolist() for w in ck.load_model(folder / "y.safetensors").weights] == [[1.0, 2.0, 3.0], 0.5, 7]


def test_convert_prints_json(folder):
    facts = json.loads(run("x.keras", "y.safetensors", "--json").stdout)

    assert facts == {
        "source": "x.keras",
        "target": "y.safetensors",
        "bytes": (folder / "y.safetensors").stat().st_size,
        "model": "row",
        "layers": 1,
        "parameters": 5,
    }


def test_file_that_exists_is_kept_unless_told(folder):
    (folder / "y.safetensors").write_text("precious")

    result = run("x.keras", "y.safetensors")

    assert result.exit_code == 1
    assert "y.safetensors exists. Nothing was written.\n  Add --overwrite" in result.stderr
    assert (folder / "y.safetensors").read_text() == "precious"
    assert run("x.keras", "y.safetensors", "--overwrite").exit_code == 0
    assert ck.load_model(folder / "y.safetensors").count_params() == 5


def test_refused_file_leaves_the_target_as_it_was(folder):
    (folder / "y.safetensors").write_text("precious")
    write(folder / "x.keras", members(row(scale(class_name="Stranger", registered_name="a>Stranger"))))

    result = run("x.keras", "y.safetensors", "--overwrite")

    assert result.exit_code == 1
    assert 'Stranger "scale": it is of the module' in result.stderr
    assert (folder / "y.safetensors").read_text() == "precious"


@pytest.mark.parametrize("words", [("x.h5", "y.safetensors"), ("x.keras", "y.onnx"), ("y.safetensors", "x.keras")])
def test_other_files_are_told_what_to_write(folder, words):
    result = run(*words)

    assert result.exit_code == 1
    stem = words[0].partition(".")[0]
    assert f"Write  corekit convert {stem}.keras {stem}.safetensors." in result.stderr

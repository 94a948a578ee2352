import importlib.util
import json

import pytest
import torch
from click.testing import CliRunner

import corekit as ck
from corekit.cli import group


@ck.register
class Doubled(ck.Layer):
    def call(self, inputs):
        return inputs * 2


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command, in a folder with a model file."""
    monkeypatch.chdir(tmp_path)
    ck.Sequential([ck.Input((3,), name="x"), ck.register(Doubled)(name="y")]).save("m.safetensors")
    return lambda *words: CliRunner().invoke(group, ["export", *words])


def test_file_is_written_and_told(run):
    result = run("m.safetensors", "m.pt2")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("m.pt2: ")
    assert "takes x (batch, 3) float32; gives y; torch gives the model's outputs, to 0e+00." in result.stdout
    assert torch.equal(torch.export.load("m.pt2").module()(torch.ones(4, 3)), torch.full((4, 3), 2.0))


@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="ONNX is of the extra `export`")
def test_json_says_what_was_written(run):
    written = json.loads(run("m.safetensors", "digits", "--format", "onnx", "--json").stdout)

    assert (written["path"], written["format"], written["checked_by"]) == ("digits", "onnx", "onnxruntime")
    assert written["inputs"] == [["x", [None, 3], "float32"]]


def test_damaged_file_exits_with_1_and_writes_nothing(run, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"nothing of the sort")

    result = run("m.safetensors", "m.pt2")

    assert result.exit_code == 1
    assert "LoadError: m.safetensors" in result.stderr
    assert not (tmp_path / "m.pt2").exists()


def test_other_ending_shows_the_line(run):
    result = run("m.safetensors", "m.h5")

    assert result.exit_code == 1
    assert 'Write  model.export("m.onnx")  or  model.export("m.pt2").' in result.stderr

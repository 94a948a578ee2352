import importlib.util

import pytest
import torch

import corekit as ck
from corekit.errors import SaveError
from corekit.saving import onnx_file

onnx = pytest.importorskip("onnx", reason="ONNX files are written with onnx and onnxscript, of the extra `export`")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX files are run with onnxruntime, of the extra `export`")
pytestmark = pytest.mark.usefixtures("one_onnx_table")


def function(what, name):
    return ck.layer(what, name=name)


def written(model, path):
    model.export(path / "m.onnx", verbose=False)
    return onnx.load(path / "m.onnx").graph


def axes(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def test_inputs_outputs_and_open_axes_have_the_models_names(tmp_path):
    pixels, mask = ck.Input((None, 3), name="pixels"), ck.Input((1,), name="mask")
    total = function(lambda x: x.sum(1), "total")(pixels)
    model = ck.Model([pixels, mask], [function(torch.tanh, "score")(total) * mask, total])

    graph = written(model, tmp_path)

    assert [(value.name, axes(value)) for value in graph.input] == [
        ("pixels", ["batch", "pixels_1", 3]),
        ("mask", ["batch", 1]),
    ]
    assert [(value.name, axes(value)) for value in graph.output] == [("mul", ["batch", 3]), ("total", ["batch", 3])]


def test_layers_may_be_called_like_values_in_between(tmp_path):
    names = ["val_0", "linear", "relu", "tanh"]  # as torch's exporter calls values
    x = ck.Input((4,), name=names[0])
    y = function(lambda v: torch.tanh(torch.nn.functional.linear(v, torch.ones(4, 4)).relu()), "relu")(x)
    model = ck.Model(x, [function(torch.relu, "tanh")(y), function(torch.sin, "linear")(y)])

    graph = written(model, tmp_path)

    assert [value.name for value in graph.output] == ["tanh", "linear"]
    made = [name for node in graph.node for name in node.output]
    assert len(set(made)) == len(made)


def test_value_that_goes_out_twice_has_two_names(tmp_path):
    x = ck.Input((4,), name="x")
    y = function(torch.relu, "x")(x)
    model = ck.Model(x, [y, y, x])

    graph = written(model, tmp_path)

    assert [value.name for value in graph.output] == ["x_1", "x_1_1", "output"]
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    given = torch.tensor([[-1.0, 2, 3, 4]]).numpy()
    assert [out.tolist()[0][0] for out in session.run(None, {"x": given})] == [0, 0, -1]


class Keywords(ck.Model):
    def call(self, x, a=None, b=None, doubled=False):
        return x + (2 if doubled else 1) * a - b


def test_keyword_arguments_have_their_own_names(tmp_path):
    model, one = Keywords(), torch.ones(2, 3)
    model(one, b=one, doubled=True, a=one)  # in another order than call has

    written(model, tmp_path)

    session, given = onnxruntime.InferenceSession(tmp_path / "m.onnx"), one.numpy()
    (total,) = session.run(["output"], {"x": given, "a": 10 * given, "b": 5 * given})
    assert total.tolist() == [[1 + 20 - 5] * 3] * 2


def test_file_does_not_tell_the_folders_of_this_machine(tmp_path):
    model = ck.Sequential([ck.Input((4,), name="x"), function(lambda v: v.relu() + 1, "y")])

    graph = written(model, tmp_path)

    assert b"test_onnx_file" not in (tmp_path / "m.onnx").read_bytes()
    assert not any(node.metadata_props or node.doc_string for node in graph.node)


def test_operation_without_a_form_in_onnx_is_named(tmp_path):
    model = ck.Sequential([ck.Input((4,)), function(torch.special.airy_ai, "y")])

    with pytest.raises(SaveError, match=r"aten.special_airy_ai has no form in ONNX.\n .*model.export\(\"model.pt2\"\)"):
        model.export(tmp_path / "m.onnx")

    assert list(tmp_path.iterdir()) == []


def test_what_onnxruntime_cannot_run_is_told(tmp_path):
    model = ck.Sequential([ck.Input((4,), dtype="bfloat16"), function(lambda x: x @ x.mT, "y")])

    with pytest.raises(SaveError, match=r"onnxruntime [\d.]+ cannot run it: .*\n .*every operation and dtype"):
        model.export(tmp_path / "m.onnx")

    assert list(tmp_path.iterdir()) == []


def test_weights_beyond_what_a_file_holds_are_told(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "LARGEST", 20)

    with pytest.raises(SaveError, match=r"GB of weights, and an ONNX file holds at most 2.\n .*model.pt2"):
        model.export(tmp_path / "m.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_missing_package_shows_the_pip_line(model, tmp_path, monkeypatch, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))

    with pytest.raises(SaveError, match=rf"with {missing}, not installed here.\n  pip install \"corekit\[export\]\""):
        model.export(tmp_path / "m.onnx")


def test_file_that_was_not_run_is_told(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(onnx_file, "can_run", lambda: False)

    with pytest.warns(UserWarning, match=r"was not run: onnxruntime is not installed.\n  pip install") as told:
        model.export(tmp_path / "m.onnx")

    assert told[0].filename == __file__
    assert "not checked" in capsys.readouterr().out
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"), full_check=True)

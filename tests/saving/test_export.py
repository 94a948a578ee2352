"""What `export` does around recording and writing; that the numbers are right: tests/integration/test_export.py."""

import os
import subprocess
import sys

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, SaveError
from corekit.protocols.layer import Layer
from corekit.saving import export_model


class Noisy(ck.Layer):
    def call(self, inputs):
        return inputs + torch.rand_like(inputs)


class Counting(ck.Layer):
    """Changes a buffer and adds a loss at every call."""

    def build(self, input_shape):
        self.register_buffer("count", torch.zeros(1))

    def call(self, inputs, training=False):
        self.add_loss(inputs.mean())
        with torch.no_grad():
            self.count.add_(1)
        return inputs * (2 if training else 1)


@pytest.fixture
def noisy():
    return ck.Sequential([ck.Input((3,), name="x"), Noisy()])


def test_file_gives_what_the_model_gives(model, tmp_path):
    model.export(tmp_path / "m.pt2")

    x = torch.randn(7, 3)
    torch.testing.assert_close(torch.export.load(tmp_path / "m.pt2").module()(x), model(x))


def test_what_was_written_is_printed(model, tmp_path, capsys):
    model.export(tmp_path / "m.pt2")

    assert capsys.readouterr().out.startswith(f"{tmp_path / 'm.pt2'}: ")
    model.export(tmp_path / "m.pt2", verbose=False)
    assert capsys.readouterr().out == ""


def test_report_says_what_was_written(model, tmp_path):
    written = export_model(model, tmp_path / "m", format="torch")

    assert (written.path, written.format, written.checked_by) == (str(tmp_path / "m"), "pt2", "torch")
    assert written.size == os.stat(tmp_path / "m").st_size > 1000
    assert [shape for _, shape, _ in written.inputs] == [(None, 3)]
    assert written.outputs == ["scale_1"]
    assert written.difference == 0


def test_model_stays_as_it_is(tmp_path):
    inner = ck.Sequential([ck.Input((3,)), Counting(), ck.layer(torch.nn.Linear(3, 2))])
    model = ck.Sequential([ck.Input((3,)), inner, ck.layer(torch.tanh)])
    model.train()
    inner.layers[0].eval()
    model(torch.ones(2, 3)).sum().backward()
    layers = [part for part in model.modules() if isinstance(part, Layer)]

    def state():
        weights = [(id(w), w.tolist(), w.requires_grad, w.device, None if w.grad is None else w.grad.tolist())
                   for w in [*model.parameters(), *model.buffers()]]  # fmt: skip
        return weights, [m.training for m in model.modules()], [list(map(id, part._added_losses)) for part in layers]

    before, random = state(), torch.get_rng_state()
    model.export(tmp_path / "m.pt2", verbose=False)

    assert state() == before
    assert torch.equal(torch.get_rng_state(), random)


def test_other_numbers_than_the_models_leave_no_file(noisy, tmp_path):
    with pytest.raises(SaveError, match="with a batch of 1, torch gives output 0 with a difference of"):
        noisy.export(tmp_path / "m.pt2")

    assert list(tmp_path.iterdir()) == []


def test_failed_export_leaves_the_old_file(noisy, tmp_path):
    (tmp_path / "m.pt2").write_bytes(b"old")

    with pytest.raises(SaveError, match="Is the output random"):
        noisy.export(tmp_path / "m.pt2")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


FULL = """
import resource, signal, sys
import corekit as ck
model = ck.Sequential([ck.Input((3,)), ck.layer(lambda x: x * 2)])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    model.export("m.pt2")
except ck.errors.SaveError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="the limit on a file's size that plays the full disk is posix's")
def test_full_disk_leaves_the_old_file(tmp_path):
    (tmp_path / "m.pt2").write_bytes(b"old")

    done = subprocess.run([sys.executable, "-c", FULL], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "m.pt2 could not be written: File too large. What was there before is untouched.\n"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_model_without_values_is_told(model, tmp_path):
    with pytest.raises(SaveError, match="is on the meta device, so it has no values to export"):
        model.to("meta").export(tmp_path / "m.pt2")


@pytest.mark.parametrize("context", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_callers_gradient_mode_plays_no_part(model, tmp_path, context):
    with context():
        model.export(tmp_path / "m.pt2", verbose=False)

    assert torch.export.load(tmp_path / "m.pt2").module()(torch.ones(1, 3)).shape == (1, 3)


def test_file_takes_the_old_ones_place(model, tmp_path):
    (tmp_path / "m.pt2").write_bytes(b"old")

    model.export(tmp_path / "m.pt2", verbose=False)

    assert [path.name for path in tmp_path.iterdir()] == ["m.pt2"]
    assert torch.export.load(tmp_path / "m.pt2").module()(torch.ones(1, 3)).shape == (1, 3)


def test_file_does_not_tell_the_folders_of_this_machine(model, tmp_path):
    model.export(tmp_path / "m.pt2", verbose=False)

    content = (tmp_path / "m.pt2").read_bytes()  # its members are not compressed
    assert b"aten.mul.Tensor" in content
    assert os.path.dirname(__file__).encode() not in content
    assert os.path.dirname(ck.__file__).encode() not in content


@pytest.mark.parametrize(
    ("name", "format"), [("m", None), ("m.keras", None), ("m.onnx.gz", None), ("m", "tf_saved_model"), ("m", "litert")]
)
def test_other_formats_show_the_lines(model, tmp_path, name, format):
    with pytest.raises(ArgumentError, match=r'Write  model\.export\("m.*\.onnx"\)  or  model\.export\("m.*\.pt2"\)'):
        model.export(tmp_path / name, format=format)


def test_format_and_ending_must_agree(model, tmp_path):
    with pytest.raises(ArgumentError, match=r"format='onnx'\): the ending says pt2"):
        model.export(tmp_path / "m.pt2", format="onnx")


def test_missing_folder_is_told(model, tmp_path):
    with pytest.raises(SaveError, match=r"there is no folder .*none"):
        model.export(tmp_path / "none" / "m.pt2")


def test_unbuilt_model_is_told(tmp_path):
    with pytest.raises(SaveError, match=r"is not built, so there is nothing to export\. Call it once"):
        ck.Sequential([Noisy()]).export(tmp_path / "m.pt2")


def test_model_that_cannot_take_what_it_says_is_told(tmp_path):
    rows = torch.arange(101.0)
    picky = ck.Sequential([ck.Input((3,), name="x"), ck.layer(lambda x: rows[x[:, 0].long() + 200])])

    with pytest.raises(SaveError) as raised:
        picky.export(tmp_path / "m.pt2")

    assert "it fails on random values of what it takes, x (batch, 3) float32, at test_export.py:" in str(raised.value)
    assert "input_signature=[an example, with the batch first]" in str(raised.value)
    picky.export(tmp_path / "m.pt2", input_signature=[torch.full((4, 3), -150.0)], verbose=False)
    assert torch.export.load(tmp_path / "m.pt2").module()(torch.full((2, 3), -110.0)).tolist() == [90.0, 90.0]


class Subclassed(ck.Model):
    def call(self, x, factor=None):
        return {"sum": x.sum(1), "all": [x if factor is None else x * factor, -x]}


def test_subclassed_model_is_called_as_it_was(tmp_path):
    model = Subclassed()
    model(torch.ones(2, 3), factor=torch.ones(2, 1))

    written = export_model(model, tmp_path / "m.pt2")

    assert [name for name, _, _ in written.inputs] == ["x", "factor"]
    assert written.outputs == ["sum", "all_0", "all_1"]
    given = torch.export.load(tmp_path / "m.pt2").module()(torch.ones(4, 3), factor=torch.full((4, 1), 2.0))
    assert torch.equal(given["all"][0], torch.full((4, 3), 2.0))


def test_signature_decides_what_the_file_takes(tmp_path):
    model = Subclassed()
    model(torch.ones(2, 3))

    written = export_model(model, tmp_path / "m.pt2", input_signature=[ck.Input((8,), dtype="float64", name="other")])

    assert written.inputs == [("other", (None, 8), "float64")]
    module = torch.export.load(tmp_path / "m.pt2").module()
    assert module(torch.ones(5, 8, dtype=torch.float64))["sum"].tolist() == [8.0] * 5

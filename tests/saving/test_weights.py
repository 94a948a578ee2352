"""Weights alone: what is saved comes back, names decide, and what does not fit is told whole."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import ArgumentError, LoadError, SaveError, StateError
from tests.saving.keras_files import weights, write

safetensors = pytest.importorskip("safetensors.torch", reason="the reference for our reader")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


@pytest.fixture
def other(scale_class):
    """A model like the one of `model`, with other numbers."""
    return ck.Sequential([ck.Input(shape=(3,)), scale_class(start=0.0), scale_class(start=0.0)])


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))


def test_saved_weights_come_back(model, other, path):
    model.save_weights(path)

    match = other.load_weights(path)

    assert equal(model, other)
    assert match.is_whole
    assert len(match.matched) == 6


def test_weights_of_a_model_file_are_taken_too(model, other, path):
    model.save(path)

    other.load_weights(path)

    assert equal(model, other)


def test_safetensors_reads_what_save_weights_wrote(model, path):
    model.save_weights(path)

    found = safetensors.load_file(path)

    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in model.named_weights().items()
    }


def test_weights_alone_are_no_model(model, path):
    model.save_weights(path)

    with pytest.raises(LoadError, match=r"holds weights without a model.\n  Make the model, then  model.load_weights"):
        ck.load_model(path)


def test_dtype_of_the_model_stays(model, other, path):
    model.to(torch.float64).save_weights(path)

    other.load_weights(path)

    assert other.layers[0].scale.dtype == torch.float32
    assert torch.equal(other.layers[0].scale, model.layers[0].scale.float())


def test_optimizer_sees_the_loaded_weights(model, other, path):
    model.save_weights(path)
    held = other.layers[0].scale

    other.load_weights(path)

    assert other.layers[0].scale is held


# What does not fit


def test_all_that_does_not_fit_is_told_and_nothing_changes(model, other, path):
    model.save_weights(path)
    arrays = safetensors.load_file(path)
    arrays["scale.scale"] = torch.ones(4)
    arrays["scale.calls"] = torch.ones(())
    arrays["dense.kernel"] = arrays.pop("scale_1.offset")
    safetensors.save_file(arrays, path)
    before = [weight.clone() for weight in other.weights]

    with pytest.raises(LoadError) as raised:
        other.load_weights(path)

    assert raised.value.code == "weights-differ"
    assert str(raised.value) == (
        f"{path} does not fit the model: 3 of the model's 6 weights match\n"
        "  missing in the file (1): 'scale_1.offset'\n"
        "  not in the model (1): 'dense.kernel'\n"
        "  other shape or dtype (2): 'scale.calls': int64 () in the model, float32 () in the file; "
        "'scale.scale': float32 (3,) in the model, float32 (4,) in the file\n"
        "  Nothing was changed."
    )
    assert all(torch.equal(a, b) for a, b in zip(other.weights, before, strict=True))


@pytest.mark.parametrize("words", [{"strict": False}, {"skip_mismatch": True}])
def test_what_fits_is_taken_where_asked(model, other, path, words):
    model.save_weights(path)
    arrays = safetensors.load_file(path)
    arrays["scale.scale"] = torch.ones(4)
    safetensors.save_file({**arrays, "more": torch.ones(1)}, path)

    match = other.load_weights(path, **words)

    assert match.surplus == ("more",)
    assert match.differing == (("scale.scale", "float32 (3,)", "float32 (4,)"),)
    assert torch.equal(other.layers[1].scale, model.layers[1].scale)
    assert other.layers[0].scale.tolist() == [0.0, 0.0, 0.0]


def test_file_of_which_nothing_fits_is_refused_all_the_same(other, path):
    safetensors.save_file({"x": torch.ones(3)}, path)

    with pytest.raises(LoadError, match="0 of the model's 6 weights match"):
        other.load_weights(path, strict=False)


def test_many_names_are_cut_short(other, path):
    safetensors.save_file({f"x{number:02}": torch.ones(1) for number in range(30)}, path)

    with pytest.raises(LoadError, match=r"not in the model \(30\): 'x00'; .* and 22 more"):
        other.load_weights(path)


def test_unbuilt_model_is_told_to_be_built(scale_class, path):
    with pytest.raises(StateError, match=r"is not built, so it has no weights to load into\. Call it once"):
        ck.Sequential([scale_class()]).load_weights(path)


@pytest.mark.parametrize("name", ["w.pt", "w.bin", "w.npz", "w"])
def test_other_files_are_told_what_is_read(other, tmp_path, name):
    with pytest.raises(LoadError, match=r"expected a file called \*.safetensors, \*.weights.h5 or \*.keras"):
        other.load_weights(tmp_path / name)


def test_damaged_plain_file_is_refused(other, path):
    safetensors.save_file({"scale.scale": torch.ones(3)}, path)
    content = path.read_bytes()

    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(LoadError):
            other.load_weights(path, strict=False)


def test_flipped_bit_in_our_own_weights_is_found(model, other, path):
    model.save_weights(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(LoadError, match="is damaged"):
        other.load_weights(path)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.pt"])
def test_weights_are_written_as_safetensors_only(model, tmp_path, name):
    with pytest.raises(SaveError, match=r"a weights file is called \*.safetensors.\n  Write  model.save_weights"):
        model.save_weights(tmp_path / name)


def test_existing_file_is_kept_unless_told(model, path):
    path.write_text("precious")

    with pytest.raises(SaveError, match="overwrite is False"):
        model.save_weights(path, overwrite=False)
    assert path.read_text() == "precious"


# Of Keras and torch


def test_keras_weights_are_found_by_class_and_order(scale_class, tmp_path):
    pytest.importorskip("h5py", reason="the extra corekit[keras]")
    file = tmp_path / "x.weights.h5"
    file.write_bytes(weights())
    write(tmp_path / "x.keras")
    model = ck.Sequential([ck.Input(shape=(3,)), scale_class(name="by_another_name")])

    for name in ("x.weights.h5", "x.keras"):
        model.set_weights([np.zeros(3), np.zeros(()), np.zeros((), "int64")])
        model.load_weights(tmp_path / name)
        assert [weight.tolist() for weight in model.weights] == [[1.0, 2.0, 3.0], 0.5, 7]


def test_there_is_nothing_to_rename_in_a_keras_file(scale_class, tmp_path):
    model = ck.Sequential([ck.Input(shape=(3,)), scale_class()])

    for name in ("x.weights.h5", "x.keras"):
        with pytest.raises(ArgumentError, match="by their class and order, not by name"):
            model.load_weights(tmp_path / name, rename={"a": "b"})


def test_random_generators_and_optimizers_of_keras_are_no_weights(scale_class, tmp_path):
    pytest.importorskip("h5py", reason="the extra corekit[keras]")
    arrays = {f"layers/scale/vars/{number}": value for number, value in enumerate([np.ones(3, "f4"), np.float32(1), 3])}
    arrays |= {"layers/scale/seed_generator/vars/0": np.zeros(2, "u4"), "optimizer/vars/0": np.int64(3)}
    (tmp_path / "x.weights.h5").write_bytes(weights(arrays))
    model = ck.Sequential([ck.Input(shape=(3,)), scale_class()])

    assert model.load_weights(tmp_path / "x.weights.h5").is_whole


def test_weights_of_a_bare_torch_module_are_found(path):
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    safetensors.save_file(module.state_dict(), path)
    model = ck.Sequential([ck.Input(shape=(3,)), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)])

    model.load_weights(path, rename={"0": "linear.module", "2": "linear_1.module"})

    x = torch.randn(5, 3)
    torch.testing.assert_close(model(x), module(x))


@pytest.mark.parametrize("rename", [{"body.a": "scale"}, lambda name: name.replace("body.a", "scale")])
def test_names_of_another_program_are_renamed(scale_class, path, rename):
    safetensors.save_file(
        {"body.a.scale": torch.ones(3), "body.a.offset": torch.ones(()), "body.a.calls": torch.tensor(4)}, path
    )
    model = ck.Sequential([ck.Input(shape=(3,)), scale_class()])

    model.load_weights(path, rename=rename)

    assert model.layers[0].calls == 4


def test_two_names_that_become_one_are_refused(other, path):
    safetensors.save_file({"a.scale": torch.ones(3), "b.scale": torch.ones(3)}, path)

    with pytest.raises(ArgumentError, match=r"rename makes one name, 'c.scale', of 'a.scale' and 'b.scale'"):
        other.load_weights(path, rename={"a": "c", "b": "c"})


def test_dtype_that_torch_stores_and_corekit_does_not_is_named(other, path):
    header = json.dumps({"x": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")

    with pytest.raises(LoadError, match=r"tensor 'x' has the dtype 'F8_E4M3'"):
        other.load_weights(path)

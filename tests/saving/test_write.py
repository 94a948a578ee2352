"""Writing: what is refused, and what a failed write leaves behind. Round trips: test_read_write.py."""

import builtins
import os

import pytest
import torch

import corekit as ck
from corekit.errors import SaveError
from corekit.saving import atomic
from corekit.saving import format as files


class Keeps(ck.Layer):
    """Keeps whatever it is given."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def call(self, inputs):
        return inputs


def holding(value):
    """Return a model with a layer that holds the value."""
    return ck.Sequential([ck.Input(shape=(3,)), ck.register(Keeps)(value)])


def nested(depth):
    return [] if depth == 0 else [nested(depth - 1)]


@pytest.mark.parametrize(
    ("value", "cause"),
    [(10**30, "a number is too large"), (nested(80), "nested too deeply"), ("\ud800", "surrogates not allowed")],
)
def test_what_a_reader_would_refuse_is_not_written(tmp_path, value, cause):
    with pytest.raises(SaveError, match=f"could not be read back, so nothing was written.*{cause}"):
        holding(value).save(tmp_path / "m.safetensors")

    assert list(tmp_path.iterdir()) == []


def test_overlong_description_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_HEADER", 1000)

    with pytest.raises(SaveError, match="of at most 1,000"):
        holding("x" * 1000).save(tmp_path / "m.safetensors")


def test_weight_without_values_is_told(model, tmp_path):
    with pytest.raises(SaveError, match=r'"scale\.scale" is on the meta device'):
        model.to("meta").save(tmp_path / "m.safetensors")


def test_weight_of_an_unknown_dtype_is_told(model, tmp_path):
    model.layers[0].register_buffer("spectrum", torch.zeros(2, dtype=torch.complex64))

    with pytest.raises(SaveError, match=r'"scale\.spectrum" has dtype torch\.complex64'):
        model.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize("name", ["digits", "digits.keras", "digits.h5", "digits.safetensors.bak"])
def test_other_endings_show_the_line(model, tmp_path, name):
    with pytest.raises(SaveError, match=r"a model file is called \*\.safetensors.\n  Write  model.save") as raised:
        model.save(tmp_path / name)

    assert '.safetensors")' in str(raised.value)


def test_missing_folder_is_told(model, tmp_path):
    with pytest.raises(SaveError, match=r"there is no folder .*none"):
        model.save(tmp_path / "none" / "m.safetensors")


def test_folder_in_the_files_place_is_told(model, tmp_path):
    path = tmp_path / "m.safetensors"
    path.mkdir()

    with pytest.raises(SaveError, match=r"could not be written.*untouched"):
        model.save(path)

    assert list(tmp_path.iterdir()) == [path]


def test_folder_without_permission_is_told(model, saved, monkeypatch):
    real = builtins.open

    def refuse(path, mode="r", **kwargs):
        if "x" in mode:
            raise PermissionError(13, "Permission denied")
        return real(path, mode, **kwargs)

    before = saved.read_bytes()
    monkeypatch.setattr(atomic, "open", refuse, raising=False)

    with pytest.raises(SaveError, match=r"could not be written: Permission denied.*untouched"):
        model.save(saved)

    assert saved.read_bytes() == before


@pytest.mark.parametrize("call", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OSError("odd"), KeyboardInterrupt()])
def test_interrupted_write_leaves_the_old_file(model, saved, monkeypatch, call, error):
    before = saved.read_bytes()

    def fail(*args):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises((SaveError, KeyboardInterrupt)):
        model.save(saved)

    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_error_without_a_number_is_told_in_words(model, saved, monkeypatch):
    def fail(*args):
        raise OSError("the cable is out")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(SaveError, match="could not be written: the cable is out"):
        model.save(saved)


def test_folder_that_cannot_be_synced_is_told(model, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    real, calls = os.fsync, []

    def second_fails(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(SaveError, match=r"was written, but its folder could not be synced.*Invalid argument"):
        model.save(path)

    assert ck.load_model(path).built


def test_new_file_follows_the_umask(model, tmp_path):
    before = os.umask(0o027)
    try:
        model.save(tmp_path / "m.safetensors")
    finally:
        os.umask(before)

    assert (tmp_path / "m.safetensors").stat().st_mode & 0o777 == 0o640


def test_required_distributions_are_noted(site, tmp_path):
    site.install(
        "corekit-idle", {"layers": {"Idle": "corekit_idle:Idle"}}, version="2.3",
        corekit_idle="import corekit as ck\nclass Idle(ck.Layer):\n    def call(self, x):\n        return x\n",
    )  # fmt: skip
    path = tmp_path / "m.safetensors"

    ck.Sequential([ck.Input(shape=(3,)), "Idle"]).save(path)

    contents = files.read_header(path)
    assert contents.metadata["requires"] == {"corekit-idle": "2.3"}
    assert contents.metadata["architecture"]["layers"][0][1]["id"] == "corekit-idle:Idle"

"""Files of released formats are read for ever, and predict what they did."""

import json
import re

import pytest
import torch

import corekit
import corekit as ck
from corekit.saving import write
from corekit.saving.format import FORMAT, read_header
from corekit.saving.shards import NAME
from scripts.write_golden import FOLDER, inputs_of

FILES = sorted(path for path in FOLDER.glob("*.safetensors") if not NAME.fullmatch(path.name))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_released_file_predicts_what_it_did(path):
    format_, name = re.fullmatch(r"format-(\d+)-(\w+)", path.stem).groups()
    expected = json.loads((FOLDER / f"format-{format_}.json").read_text())[name]

    outputs = ck.load_model(path)(inputs_of(name))

    torch.testing.assert_close(outputs, torch.tensor(expected, dtype=outputs.dtype), rtol=1e-5, atol=1e-6)


def test_every_format_has_its_files():
    assert {int(path.stem.split("-")[1]) for path in FILES} == set(range(1, FORMAT + 1))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_released_file_has_the_format_that_its_name_says(path):
    metadata = read_header(path).metadata

    assert metadata["format"] == int(path.stem.split("-")[1])
    assert ("shards" in metadata) == (metadata["format"] == 2)


@pytest.mark.parametrize("name", ["dense", "images", "tokens"])
def test_one_file_is_written_as_it_was_when_format_1_was_the_only_one(name, tmp_path, monkeypatch):
    released = FOLDER / f"format-1-{name}.safetensors"
    metadata = read_header(released).metadata
    monkeypatch.setattr(corekit, "__version__", metadata["corekit"])
    monkeypatch.setattr(write, "_requires", lambda *_: metadata["requires"])

    ck.load_model(released).save(tmp_path / "m.safetensors")

    assert (tmp_path / "m.safetensors").read_bytes() == released.read_bytes()


def test_trainable_and_frozen_weights_come_back():
    model = ck.load_model(FOLDER / "format-1-dense.safetensors")

    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert frozen == {"inner.dense.kernel", "inner.dense.bias"}


def test_precisions_come_back():
    model = ck.load_model(FOLDER / "format-1-tokens.safetensors")

    assert {name.partition(".")[0]: weight.dtype for name, weight in model.named_parameters()} == {
        "embedding": torch.float32,
        "lstm": torch.float64,
        "dense": torch.float64,
    }

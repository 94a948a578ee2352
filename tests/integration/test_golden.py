"""Files of released formats are read for ever, and predict what they did."""

import json
import re

import pytest
import torch

import corekit as ck
from corekit.saving.format import FORMAT, read_header
from corekit.saving.shards import NAME
from scripts.write_golden import FOLDER, inputs_of, train

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


@pytest.mark.parametrize("number", [1, 2])
def test_training_goes_on_as_it_did(number):
    expected = json.loads((FOLDER / f"format-{number}.json").read_text())["loss of two more steps"]
    model = ck.load_model(FOLDER / f"format-{number}-trained.safetensors")

    assert train(model) == pytest.approx(expected, rel=1e-5)
    assert int(model.optimizer.iterations) == 4


@pytest.mark.parametrize("name", ["dense", "images", "tokens", "trained"])
def test_one_file_is_still_of_format_1(name, tmp_path):
    """What has come since is what a reader of then passes over: what names mean, and how a model was compiled."""
    ck.load_model(FOLDER / f"format-1-{name}.safetensors").save(
        tmp_path / "m.safetensors", include_optimizer=name == "trained"
    )

    then, now = (read_header(path) for path in (FOLDER / f"format-1-{name}.safetensors", tmp_path / "m.safetensors"))
    assert now.metadata["format"] == 1
    assert now.tensors == then.tensors
    assert now.metadata["hashes"] == then.metadata["hashes"]
    assert without_names(now.metadata["architecture"]) == without_names(then.metadata["architecture"])


def without_names(value):
    if isinstance(value, list):
        return [without_names(item) for item in value]
    return (
        {key: without_names(item) for key, item in value.items() if key != "names"}
        if isinstance(value, dict)
        else value
    )


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

"""Files of released formats are read for ever, and predict what they did."""

import json
import re

import pytest
import torch

import corekit as ck
from corekit.saving.format import FORMAT
from scripts.write_golden import FOLDER, inputs_of

FILES = sorted(FOLDER.glob("*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_released_file_predicts_what_it_did(path):
    format_, name = re.fullmatch(r"format-(\d+)-(\w+)", path.stem).groups()
    expected = json.loads((FOLDER / f"format-{format_}.json").read_text())[name]

    outputs = ck.load_model(path)(inputs_of(name))

    torch.testing.assert_close(outputs, torch.tensor(expected, dtype=outputs.dtype), rtol=1e-5, atol=1e-6)


def test_every_format_has_its_files():
    assert {int(path.stem.split("-")[1]) for path in FILES} == set(range(1, FORMAT + 1))


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

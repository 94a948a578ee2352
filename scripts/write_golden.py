"""Writes the model files of a format's release, which every later corekit must read: once for each format, never again.

python scripts/write_golden.py            # tests/integration/golden/format-N-*.safetensors, and what they predict
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

import corekit as ck
from corekit.saving.format import FORMAT

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "integration" / "golden"


def dense() -> Any:
    """Return a drawn model with a shared layer, two inputs, an operator and frozen weights."""
    a, b = ck.Input((4,), name="a"), ck.Input((4,), name="b")
    shared = ck.layers.Dense(3, activation="tanh", kernel_regularizer=ck.regularizers.L2(0.01), name="shared")
    x = ck.layers.Concatenate()([shared(a), shared(b) * 2.0])
    x = ck.layers.BatchNormalization(name="norm")(x)
    inner = ck.Sequential([ck.Input((6,)), ck.layers.Dense(5, "relu"), ck.layers.Dropout(0.5)], name="inner")
    inner.trainable = False
    return ck.Model([a, b], ck.layers.Dense(2, activation="softmax", name="head")(inner(x)))


def images() -> Any:
    """Return a convolutional row."""
    return ck.Sequential([
        ck.Input((8, 8, 1)), ck.layers.Conv2D(3, 3, activation="relu"), ck.layers.MaxPooling2D(),
        ck.layers.Flatten(), ck.layers.LayerNormalization(), ck.layers.Dense(2),
    ])  # fmt: skip


def tokens() -> Any:
    """Return a recurrent row on whole numbers, in two precisions."""
    return ck.Sequential([
        ck.Input((5,), dtype="int64"), ck.layers.Embedding(7, 4), ck.layers.LSTM(3, dtype="float64"),
        ck.layers.Dense(1, dtype="float64"),
    ])  # fmt: skip


MODELS = {"dense": dense, "images": images, "tokens": tokens}


def inputs_of(name: str) -> Any:
    """Return what a model is asked with."""
    generator = torch.Generator().manual_seed(1)
    if name == "dense":
        return [torch.rand((2, 4), generator=generator), torch.rand((2, 4), generator=generator)]
    if name == "images":
        return torch.rand((2, 8, 8, 1), generator=generator)
    return torch.randint(0, 7, (2, 5), generator=generator)


def main() -> None:
    """Write them: of format 2, which a file has that lists shards, models in several files."""
    FOLDER.mkdir(exist_ok=True)
    largest = {1: None, 2: 1_500 / 2**30}[FORMAT]
    expected = {}
    for name, make in MODELS.items():
        torch.manual_seed(0)
        model = make()
        with torch.no_grad():
            for weight in model.weights:
                weight.add_(0.1 * torch.rand_like(weight))
        target = FOLDER / f"format-{FORMAT}-{name}.safetensors"
        if target.exists():
            raise SystemExit(f"{target} is there already: a released file is never written again.")
        model.save(target, max_shard_size=largest)
        expected[name] = model(inputs_of(name)).tolist()
    (FOLDER / f"format-{FORMAT}.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Writes the model files of a format's release, which every later corekit must read: once for each format, never again.

python scripts/write_golden.py            # tests/integration/golden/format-N-*.safetensors, and what they predict
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

import corekit as ck

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


def trained() -> Any:
    """Return a row that was trained, with averages and a schedule."""
    model = ck.Sequential([ck.Input((4,)), ck.layers.Dense(3, "relu"), ck.layers.Dense(2, "softmax")])
    rate = ck.schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)
    optimizer = ck.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    train(model)
    return model


def train(model: Any) -> float:
    """Make two steps, and return the loss."""
    x = inputs_of("trained")
    losses = model.fit(x, torch.eye(2)[[0, 1]], batch_size=1, shuffle=False, verbose=0).history["loss"]
    return float(losses[0])


MODELS = {"dense": dense, "images": images, "tokens": tokens, "trained": trained}


def inputs_of(name: str) -> Any:
    """Return what a model is asked with."""
    generator = torch.Generator().manual_seed(1)
    if name == "dense":
        return [torch.rand((2, 4), generator=generator), torch.rand((2, 4), generator=generator)]
    if name == "trained":
        return torch.rand((2, 4), generator=generator)
    if name == "images":
        return torch.rand((2, 8, 8, 1), generator=generator)
    return torch.randint(0, 7, (2, 5), generator=generator)


def main() -> None:
    """Write those that are not there: of format 2, which a file has that lists shards, models in several files."""
    FOLDER.mkdir(exist_ok=True)
    for number, largest in {1: None, 2: 1_500 / 2**30}.items():
        foretold = FOLDER / f"format-{number}.json"
        expected = json.loads(foretold.read_text()) if foretold.exists() else {}
        for name, make in MODELS.items():
            target = FOLDER / f"format-{number}-{name}.safetensors"
            if target.exists():
                continue
            torch.manual_seed(0)
            model = make()
            with torch.no_grad():
                for weight in model.weights:
                    weight.add_(0.1 * torch.rand_like(weight))
            model.save(target, include_optimizer=name == "trained", max_shard_size=largest)
            expected[name] = model(inputs_of(name)).tolist()
            if name == "trained":
                expected["loss of two more steps"] = train(model)
        foretold.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""The seven workloads as plain data: shapes, batch, optimizer, and samples with labels that can be learned.

No framework is imported here: each one builds the models in its own file of `frameworks/`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Workload:
    """One model and how it is trained.

    Args:
        name: W1 to W6.
        model: which architecture: mlp, dropout_mlp, own_layer, cnn, encoder or lstm.
        about: the same in words, for the table.
        shape: one sample as numpy has it; images are (height, width, channels).
        classes: width of the one-hot labels.
        batch: samples per step.
        steps: batches per epoch. Shorter than a real epoch, so that a run has several.
        mflop: multiplications and additions of one step, forward and backward, in millions.
        optimizer: "adam" (1e-3), or "adamw" (1e-3, weight decay 0.01).
        tokens: size of the vocabulary where samples are token numbers, else 0.
    """

    name: str
    model: str
    about: str
    shape: tuple[int, ...]
    classes: int
    batch: int
    steps: int
    mflop: float
    optimizer: str = "adam"
    tokens: int = 0


_MLP = "Dense 128 relu, Dense 10 softmax on 784"
_CNN = "Conv2D 32 3x3 relu, MaxPool, Conv2D 64 3x3 relu, MaxPool, Flatten, Dropout 0.5, Dense 10 softmax on 28x28x1"
_ENCODER = "token + position embedding, attention of 2 heads, FFN 32, mean, Dense 20 relu, Dense 2 softmax on 64 tokens"

WORKLOADS = {
    found.name: found
    for found in [
        Workload("W1", "mlp", _MLP, (784,), 10, 32, 500, 13.1),
        Workload("W1b", "mlp", _MLP, (784,), 10, 1024, 50, 418.9),
        Workload("W2", "dropout_mlp", "Dense 64 relu, Dropout 0.2, Dense 128 relu, Dense 10 softmax on 784",
                 (784,), 10, 32, 500, 8.2),
        Workload("W3", "own_layer", "own layer relu(x @ kernel) of 64 units, Dense 10 softmax on 784",
                 (784,), 10, 32, 500, 6.5, "adamw"),
        Workload("W4", "cnn", _CNN, (28, 28, 1), 10, 128, 20, 1824.8),
        Workload("W5", "encoder", _ENCODER, (64,), 2, 32, 50, 226.6, tokens=20_000),
        Workload("W6", "lstm", "LSTM 64, Dense 10 softmax on 64 steps of 32 features", (64, 32), 10, 32, 50, 268.6),
    ]
}  # fmt: skip


def samples(workload: Workload, count: int, seed: int = 0) -> tuple[Array, Array]:
    """Return x and one-hot y: standard-normal float32 values (or token numbers), labelled by a linear teacher.

    Shape: x (count, *workload.shape), y (count, classes).
    """
    random = np.random.default_rng(seed)
    if workload.tokens:
        x = random.integers(0, workload.tokens, (count, *workload.shape), dtype="int64")
        votes = random.standard_normal((workload.tokens, workload.classes), dtype="float32")[x].sum(axis=1)
    else:
        x = random.standard_normal((count, *workload.shape), dtype="float32")
        flat = x.reshape(count, -1)
        votes = flat @ random.standard_normal((flat.shape[1], workload.classes), dtype="float32")
    return x, np.eye(workload.classes, dtype="float32")[votes.argmax(axis=1)]

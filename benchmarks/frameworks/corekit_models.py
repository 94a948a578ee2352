"""The models in corekit, as a Keras user writes them."""

from __future__ import annotations

from typing import Any

import torch

import corekit as ck
from benchmarks.workloads import Workload


class OwnLayer(ck.layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = ck.activations.relu(torch.matmul(inputs, self.kernel))
        return hidden


class TokenAndPositionEmbedding(ck.layers.Layer):
    def __init__(self, maxlen: int, vocab_size: int, embed_dim: int) -> None:
        super().__init__()
        self.token_emb = ck.layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = ck.layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(x.shape[-1], device=x.device)
        embedded: torch.Tensor = self.token_emb(x) + self.pos_emb(positions)
        return embedded


class TransformerBlock(ck.layers.Layer):
    def __init__(self, embed_dim: int, num_heads: int, ff_dim: int, rate: float = 0.1) -> None:
        super().__init__()
        self.att = ck.layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = ck.Sequential([ck.layers.Dense(ff_dim, activation="relu"), ck.layers.Dense(embed_dim)])
        self.layernorm1 = ck.layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = ck.layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = ck.layers.Dropout(rate)
        self.dropout2 = ck.layers.Dropout(rate)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        attended = self.dropout1(self.att(inputs, inputs))
        out1 = self.layernorm1(inputs + attended)
        out2: torch.Tensor = self.layernorm2(out1 + self.dropout2(self.ffn(out1)))
        return out2


def model(workload: Workload) -> ck.Model:
    """Return the workload's model, not compiled."""
    layers, kind = ck.layers, workload.model
    head = layers.Dense(workload.classes, activation="softmax")
    inputs = ck.Input(shape=workload.shape, dtype="int64" if workload.tokens else None)
    if kind == "mlp":
        return ck.Sequential([inputs, layers.Dense(128, activation="relu"), head])
    if kind == "dropout_mlp":
        x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(inputs))
        return ck.Model(inputs, head(layers.Dense(128, activation="relu")(x)))
    if kind == "own_layer":
        return ck.Sequential([inputs, OwnLayer(64), head])
    if kind == "cnn":
        return ck.Sequential([
            inputs, layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dropout(0.5), head,
        ])  # fmt: skip
    if kind == "lstm":
        return ck.Sequential([inputs, layers.LSTM(64), head])
    x = TokenAndPositionEmbedding(workload.shape[0], workload.tokens, 32)(inputs)
    x = layers.GlobalAveragePooling1D()(TransformerBlock(32, 2, 32)(x))
    return ck.Model(inputs, head(layers.Dense(20, activation="relu")(layers.Dropout(0.1)(x))))

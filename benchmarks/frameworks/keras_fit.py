"""Keras as its users write it, on the backend that KERAS_BACKEND names; the variant is that name."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from benchmarks.frameworks import AfterEpoch
from benchmarks.workloads import Array, Workload


class OwnLayer(layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs: Any) -> Any:
        return ops.relu(ops.matmul(inputs, self.kernel))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen: int, vocab_size: int, embed_dim: int) -> None:
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x: Any) -> Any:
        return self.token_emb(x) + self.pos_emb(ops.arange(0, ops.shape(x)[-1], 1))


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim: int, num_heads: int, ff_dim: int, rate: float = 0.1) -> None:
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1, self.dropout2 = layers.Dropout(rate), layers.Dropout(rate)

    def call(self, inputs: Any) -> Any:
        out1 = self.layernorm1(inputs + self.dropout1(self.att(inputs, inputs)))
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1)))


def model(workload: Workload) -> Any:
    """Return the workload's model, not compiled."""
    kind = workload.model
    head = layers.Dense(workload.classes, activation="softmax")
    inputs = keras.Input(shape=workload.shape, dtype="int64" if workload.tokens else None)
    if kind == "mlp":
        return keras.Sequential([inputs, layers.Dense(128, activation="relu"), head])
    if kind == "dropout_mlp":
        x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(inputs))
        return keras.Model(inputs, head(layers.Dense(128, activation="relu")(x)))
    if kind == "own_layer":
        return keras.Sequential([inputs, OwnLayer(64), head])
    if kind == "cnn":
        return keras.Sequential([
            inputs, layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dropout(0.5), head,
        ])  # fmt: skip
    if kind == "lstm":
        return keras.Sequential([inputs, layers.LSTM(64), head])
    x = TokenAndPositionEmbedding(workload.shape[0], workload.tokens, 32)(inputs)
    x = layers.GlobalAveragePooling1D()(TransformerBlock(32, 2, 32)(x))
    return keras.Model(inputs, head(layers.Dense(20, activation="relu")(layers.Dropout(0.1)(x))))


class AfterEach(keras.callbacks.Callback):
    """Calls a function after each epoch, and stops when it says so."""

    def __init__(self, after_epoch: AfterEpoch) -> None:
        super().__init__()
        self.after_epoch = after_epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.after_epoch():
            self.model.stop_training = True


class KerasSession:
    """A compiled model with its data; arguments as `prepare`."""

    def __init__(self, workload: Workload, x: Array, y: Array) -> None:
        keras.utils.set_random_seed(0)
        self.workload, self.x, self.y = workload, x, y
        self.model = model(workload)
        rule: Any = "adam"
        if workload.optimizer == "adamw":
            rule = keras.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.01)
        self.model.compile(optimizer=rule, loss="categorical_crossentropy", metrics=["accuracy"])

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        self.model.fit(
            self.x, self.y, batch_size=self.workload.batch, epochs=epochs, callbacks=[AfterEach(after_epoch)]
        )

    def predict(self, x: Array) -> Array:
        found: Array = self.model.predict(x, verbose=0)
        return found

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> KerasSession:
    assert keras.backend.backend() == variant, f"KERAS_BACKEND={variant} was not set"
    return KerasSession(workload, x, y)

"""A layer of your own among installed ones, trained with AdamW.

python examples/custom_layer.py
"""

from typing import Any

import torch
from digits import load

import corekit as ck


@ck.register  # needed only to save and load a class of your own script
class MyCustomLayer(ck.layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return ck.activations.relu(torch.matmul(inputs, self.kernel))


def make() -> ck.Model:
    model = ck.Sequential([MyCustomLayer(64), ck.layers.Dense(10, activation="softmax")])
    optimizer = ck.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.01)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    (x_train, y_train), (x_test, y_test) = load()
    model = make()
    model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test))
    model.summary()
    model.evaluate(x_test, y_test)

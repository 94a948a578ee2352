"""A model drawn from symbolic tensors: any graph of layers, here with dropout.

python examples/functional.py
"""

from digits import load

import corekit as ck


def make() -> ck.Model:
    inputs = ck.Input(shape=(784,))
    x = ck.layers.Dense(64, activation="relu")(inputs)
    x = ck.layers.Dropout(0.2)(x)
    x = ck.layers.Dense(128, activation="relu")(x)
    outputs = ck.layers.Dense(10, activation="softmax")(x)
    model = ck.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    (x_train, y_train), (x_test, y_test) = load()
    model = make()
    model.summary()
    model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test))
    model.evaluate(x_test, y_test)

"""Layers in a row: the shortest way to a model.

python examples/sequential.py
"""

from digits import load

import corekit as ck


def make() -> ck.Model:
    model = ck.Sequential(
        [
            ck.layers.Dense(128, activation="relu", input_shape=(784,)),
            ck.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    (x_train, y_train), (x_test, y_test) = load()
    model = make()
    model.summary()
    model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test))
    model.evaluate(x_test, y_test)

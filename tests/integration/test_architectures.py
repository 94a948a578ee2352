"""Three small models of other kinds than Dense layers, as in Keras's examples: images, texts, time series.

Each has the losses of Keras 3 step by step, from the same weights and data; and is saved, copied and compiled.
"""

import copy

import numpy as np
import pytest
import torch

import corekit as ck

KINDS = ("images", "texts", "series")
STEPS, BATCH = 8, 16

KERAS = """
from keras import layers, ops

class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs):
        out1 = self.layernorm1(inputs + self.dropout1(self.att(inputs, inputs)))
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1)))

class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        return self.token_emb(x) + self.pos_emb(ops.arange(0, ops.shape(x)[-1], 1))

def make(kind):
    if kind == "images":
        return keras.Sequential([
            keras.Input((14, 14, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu", padding="same"), layers.MaxPooling2D(2), layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ])
    if kind == "series":
        return keras.Sequential([keras.Input((12, 6)), layers.LSTM(16), layers.Dense(10, activation="softmax")])
    inputs = layers.Input(shape=(12,))
    x = TransformerBlock(8, 2, 8)(TokenAndPositionEmbedding(12, 50, 8)(inputs))
    x = layers.Dense(20, activation="relu")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs=inputs, outputs=layers.Dense(10, activation="softmax")(x))

for kind in kinds:
    model = make(kind)
    model.set_weights([globals()[f"{kind}_{number}"] for number in range(len(model.get_weights()))])
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    batches = zip(np.split(globals()[f"{kind}_x"], steps), np.split(y, steps))
    result[kind] = np.array([model.train_on_batch(a, b)[0] for a, b in batches])
"""


@ck.register
class TransformerBlock(ck.layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = ck.layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = ck.Sequential([ck.layers.Dense(ff_dim, activation="relu"), ck.layers.Dense(embed_dim)])
        self.layernorm1 = ck.layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = ck.layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = ck.layers.Dropout(rate)
        self.dropout2 = ck.layers.Dropout(rate)

    def call(self, inputs):
        out1 = self.layernorm1(inputs + self.dropout1(self.att(inputs, inputs)))
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1)))


@ck.register
class TokenAndPositionEmbedding(ck.layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = ck.layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = ck.layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        return self.token_emb(x) + self.pos_emb(torch.arange(0, x.shape[-1], 1, device=x.device))


def make(kind, rate=0.0):
    """One of the three models, the same weights each time."""
    ck.utils.set_random_seed(0)
    layers = ck.layers
    if kind == "images":
        return ck.Sequential(
            [
                layers.Conv2D(8, 3, activation="relu", input_shape=(14, 14, 1)),
                layers.MaxPooling2D(2),
                layers.Conv2D(16, 3, activation="relu", padding="same"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dropout(rate),
                layers.Dense(10, activation="softmax"),
            ]
        )
    if kind == "series":
        return ck.Sequential([layers.LSTM(16, input_shape=(12, 6)), layers.Dense(10, activation="softmax")])
    inputs = layers.Input(shape=(12,))
    x = TransformerBlock(8, 2, 8, rate)(TokenAndPositionEmbedding(12, 50, 8)(inputs))
    x = layers.Dropout(rate)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dense(20, activation="relu")(x)
    return ck.Model(inputs=inputs, outputs=layers.Dense(10, activation="softmax")(x))


@pytest.fixture(scope="module")
def data():
    """Inputs of each kind, and labels that have nothing to do with them: the losses are what counts."""
    random, count = np.random.default_rng(0), STEPS * BATCH
    inputs = {
        "images": random.normal(size=(count, 14, 14, 1)).astype("float32"),
        "texts": random.integers(0, 50, (count, 12)),
        "series": random.normal(size=(count, 12, 6)).astype("float32"),
    }
    return inputs, np.eye(10, dtype="float32")[random.integers(0, 10, count)]


@pytest.fixture(scope="module")
def keras(keras_oracle, data):
    """Keras's losses for the three models."""
    inputs, y = data
    arrays = {f"{kind}_{n}": weight for kind in KINDS for n, weight in enumerate(make(kind).get_weights())}
    arrays |= {f"{kind}_x": x for kind, x in inputs.items()}
    return keras_oracle(KERAS, y=y, kinds=np.array(KINDS), steps=np.array(STEPS), **arrays)


@pytest.mark.slow  # Keras takes seconds to start
@pytest.mark.parametrize("kind", KINDS)
def test_each_step_has_kerass_loss(keras, data, kind):
    inputs, y = data
    model = make(kind)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

    batches = zip(np.split(inputs[kind], STEPS), np.split(y, STEPS), strict=True)
    losses = [model.train_on_batch(*batch)[0] for batch in batches]

    assert losses == pytest.approx(keras[kind], abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_model_learns_with_dropout(data, kind):
    inputs, _ = data
    y = np.arange(STEPS * BATCH) % 2
    x = inputs[kind] * y.reshape(-1, *[1] * (inputs[kind].ndim - 1))  # every other sample is blank
    model = make(kind, rate=0.1)
    model.compile(ck.optimizers.Adam(learning_rate=0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

    history = model.fit(x, y, batch_size=BATCH, epochs=12, verbose=0)

    assert history.history["accuracy"][-1] > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_file_brings_the_model_back(data, kind, tmp_path):
    model, x = make(kind), torch.as_tensor(data[0][kind][:4])

    model.save(tmp_path / "model.safetensors")
    loaded = ck.load_model(tmp_path / "model.safetensors")

    assert torch.equal(loaded(x), model(x))


@pytest.mark.parametrize("kind", KINDS)
def test_copy_and_compiled_model_agree(data, kind):
    model, x = make(kind), torch.as_tensor(data[0][kind][:4])
    torch._dynamo.reset()

    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")

    torch.testing.assert_close(compiled(x), model(x))

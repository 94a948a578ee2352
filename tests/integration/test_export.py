"""Models of every layer, alone and composed, as ONNX and as torch files: they give what the model gives, to 1e-4.

The files are compared here once more, on other inputs and batch sizes than `export` itself takes.
"""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.protocols.tree import leaves
from corekit.registry import registry
from corekit.registry.standard import STANDARD
from corekit.saving import export
from corekit.saving.program import in_full_precision, record

onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX files are run with onnxruntime, of the extra `export`")
layers = ck.layers
Input, Model, Sequential, Dense = ck.Input, ck.Model, ck.Sequential, layers.Dense


def row(shape, *parts, dtype=None):
    return Sequential([Input(shape, dtype=dtype, name="x"), *parts])


def mixed(policy, make):
    ck.mixed_precision.set_global_policy(policy)
    try:
        return make()
    finally:
        ck.mixed_precision.set_global_policy("float32")


def two_inputs():
    a, b = Input((6,), name="a"), Input((5,), dtype="int64", name="b")
    x = layers.Concatenate()([Dense(3, activation="tanh")(a), layers.Flatten()(layers.Embedding(11, 4)(b))])
    return Model([a, b], [Dense(2, name="head")(x), Dense(1, name="size")(x)])


def named_inputs():
    inputs = {"low": Input((4,), name="low"), "high": Input((4,), name="high")}
    return Model(inputs, {"sum": layers.Add()([inputs["low"], inputs["high"]]), "high": Dense(2)(inputs["high"])})


def shared():
    a, b, shared = Input((4,)), Input((4,)), Dense(3, activation="relu")
    return Model([a, b], shared(a) - shared(b) * 2)


def residual():
    inputs = Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    y = layers.Activation("relu")(layers.BatchNormalization()(y))
    x = layers.Add()([y, layers.Conv2D(4, 1)(inputs)])
    return Model(inputs, Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def unet():
    inputs = Input((None, 16, 1))
    down = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(4, 3, padding="same")(layers.MaxPooling2D()(down))
    x = layers.Concatenate()([layers.UpSampling2D()(x), down])
    return Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def transformer(steps):
    inputs = Input((steps,), dtype="int64", name="tokens")
    x = layers.Embedding(20, 8)(inputs)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = layers.LayerNormalization()(x + Dense(8)(Dense(16, activation="gelu")(x)))
    return Model(inputs, Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(layers.Dropout(0.5)(x))))


def attention(**call):
    query, value = Input((5, 6)), Input((7, 6))
    return Model([query, value], layers.MultiHeadAttention(2, 4, use_bias=False)(query, value, **call))


def causal():
    inputs = Input((None, 6))
    return Model(inputs, layers.MultiHeadAttention(2, 4)(inputs, inputs, use_causal_mask=True))


def states():
    inputs = Input((5, 3))
    y, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(inputs)
    z, last = layers.GRU(4, return_sequences=True, return_state=True)(y, initial_state=h)
    return Model(inputs, [z, last, c])


def nested():
    inner = Sequential([Input((4,)), Dense(5, activation="relu"), layers.BatchNormalization()])
    inputs = Input((3, 4))
    middle = Model(inputs, layers.Flatten()(Dense(4)(inputs)))
    return Sequential([Input((3, 4)), middle, Dense(4), inner, Dense(1)])


def custom_op():
    a, kernel = Input((4,)), Input((3,))
    return Model([a, kernel], ck.ops.linear_relu(a, torch.linspace(-1, 1, 12).reshape(4, 3)) + kernel)


def arithmetic():
    a = Input((4,))
    return Model(a, [(2 - a) / (abs(a) + 1), a[:, 1:3] ** 2, (a @ torch.ones(4, 2)) * a[:, :1]])


def torch_modules():
    return row(
        (6, 3), torch.nn.Linear(3, 4), torch.nn.LSTM(4, 5, batch_first=True), lambda found: found[0], torch.nn.GELU()
    )


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.dense, self.norm = Dense(4, activation="relu"), layers.BatchNormalization()

    def call(self, x, scale):
        return {"scaled": self.norm(self.dense(x)) * scale, "plain": x}


def subclassed():
    model = Subclassed()
    model(torch.randn(3, 5), torch.rand(3, 1))
    return model


def precise():
    return row((4,), Dense(3, activation="tanh", dtype="float64"), dtype="float64")


def mlp():
    norm, batch = layers.LayerNormalization(), layers.BatchNormalization()
    return row((6,), Dense(16, activation="relu"), norm, batch, Dense(3, activation="softmax", dtype="float32"))


def mixed_series():
    return row((5, 3), layers.LSTM(4, return_sequences=True), layers.GRU(4), Dense(2, dtype="float32"))


ACTIVATIONS = ["relu", "sigmoid", "softmax", "gelu", "silu", "elu", "selu", "softplus", "leaky_relu", "hard_sigmoid"]

MODELS = {
    "Dense": lambda: row((4,), Dense(3, activation="relu")),
    "Dropout": lambda: row((4,), layers.Dropout(0.5)),
    "Flatten": lambda: row((4, 3, 2), layers.Flatten()),
    "Activation": lambda: Model(i := Input((4,)), [layers.Activation(name)(i) for name in ACTIVATIONS]),
    "Reshape": lambda: row((4, 3), layers.Reshape((-1, 2))),
    "LayerNormalization": lambda: row((4, 3), layers.LayerNormalization(axis=[1, 2])),
    "BatchNormalization": lambda: row((4, 3), layers.BatchNormalization()),
    "Rescaling": lambda: row((4,), layers.Rescaling(1 / 255, offset=-1.0), dtype="uint8"),
    "Add": lambda: Model([a := Input((4,)), b := Input((4,))], layers.Add()([a, b])),
    "Concatenate": lambda: Model([a := Input((4,)), b := Input((2,))], layers.Concatenate()([a, b])),
    "Identity": lambda: row((4,), layers.Identity()),
    "Conv1D": lambda: row((9, 3), layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu")),
    "Conv2D": lambda: row((9, 8, 3), layers.Conv2D(4, (3, 2), strides=2, padding="same")),
    "Conv2D_in_groups": lambda: row((8, 8, 4), layers.Conv2D(4, 3, groups=2, use_bias=False)),
    "MaxPooling1D": lambda: row((9, 3), layers.MaxPooling1D(3, strides=2, padding="same")),
    "MaxPooling2D": lambda: row((9, 8, 3), layers.MaxPooling2D(3, strides=2, padding="same")),
    "AveragePooling1D": lambda: row((9, 3), layers.AveragePooling1D(2)),
    "AveragePooling2D": lambda: row((9, 8, 3), layers.AveragePooling2D(3, strides=2, padding="same")),
    "GlobalMaxPooling1D": lambda: row((None, 3), layers.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": lambda: row((4, 5, 3), layers.GlobalMaxPooling2D(keepdims=True)),
    "GlobalAveragePooling1D": lambda: row((4, 3), layers.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": lambda: row((None, None, 3), layers.GlobalAveragePooling2D()),
    "ZeroPadding2D": lambda: row((4, 5, 3), layers.ZeroPadding2D(((1, 0), (2, 3)))),
    "UpSampling2D": lambda: row((4, 5, 3), layers.UpSampling2D((3, 2), interpolation="bilinear")),
    "Embedding": lambda: row((5,), layers.Embedding(7, 4), dtype="int32"),
    "Embedding_of_floats": lambda: row((5,), layers.Embedding(7, 4)),
    "MultiHeadAttention": lambda: attention(return_attention_scores=True),
    "MultiHeadAttention_causal": causal,
    "LSTM": lambda: row((None, 3), layers.LSTM(4, return_sequences=True)),
    "LSTM_in_a_loop": lambda: row((3, 3), layers.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid")),
    "GRU": lambda: row((None, 3), layers.GRU(4)),
    "recurrent_states": states,
    "linear_relu": custom_op,
    "arithmetic": arithmetic,
    "torch_modules": torch_modules,
    "two_inputs": two_inputs,
    "named_inputs": named_inputs,
    "shared": shared,
    "nested": nested,
    "residual": residual,
    "unet_of_any_size": unet,
    "transformer_of_any_length": lambda: transformer(None),
    "subclassed": subclassed,
    "float64": precise,
    "mixed_bfloat16": lambda: mixed("mixed_bfloat16", mlp),
    "mixed_float16": lambda: mixed("mixed_float16", mlp),
    "mixed_series": lambda: mixed("mixed_bfloat16", mixed_series),
}


@pytest.fixture(autouse=True)
def sparing(one_onnx_table, monkeypatch):
    """Record a model once for both formats, where it computes the same for both."""
    recorded = {}

    def once(model, signature):
        key = (model, *(part._policy for part in model.modules() if isinstance(part, ck.Layer)))
        if key not in recorded:
            recorded[key] = record(model, signature)
        return recorded[key]

    monkeypatch.setattr(export, "record", once)


def made(name):
    """Return a model none of whose weights is at its first value."""
    ck.utils.set_random_seed(1)
    model = MODELS[name]()
    random = np.random.default_rng(2)
    model.set_weights([random.uniform(0.1, 0.6, weight.shape).astype("float32") for weight in model.weights])
    return model


def inputs_for(model, batch):
    """Return the inputs as a list, and as the model takes them."""
    random = torch.Generator().manual_seed(batch)
    if model.graph is None:
        given = [torch.rand(batch, 5, generator=random), torch.rand(batch, 1, generator=random)]
        return given, given
    tensors = []
    for symbol in model.inputs:
        sizes = [batch if axis == 0 else 12 if size is None else size for axis, size in enumerate(symbol.shape)]
        picks = not symbol.dtype.is_floating_point or any(type(part).__name__ == "Embedding" for part in model.layers)
        values = torch.randint(0, 7, sizes, generator=random) if picks else torch.randn(sizes, generator=random)
        tensors.append(values.to(symbol.dtype))
    if isinstance(model.input, dict):
        return tensors, [dict(zip(model.input, tensors, strict=True))]
    return tensors, [tensors if isinstance(model.input, list) else tensors[0]]


def assert_agrees(got, expected, tolerance=1e-4):
    assert len(got) == len(expected)
    for theirs, ours in zip(got, expected, strict=True):
        np.testing.assert_allclose(np.asarray(theirs), ours.detach().float(), rtol=tolerance, atol=tolerance)


def test_every_layer_is_among_the_models():
    named = "".join(MODELS)

    assert len(MODELS) >= 40
    assert [c.name for c in registry.components("layers") if c.distribution in STANDARD and c.name not in named] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_files_give_what_the_model_gives(name, tmp_path):
    model = made(name)

    model.export(tmp_path / "m.pt2", verbose=False)
    model.export(tmp_path / "m.onnx", verbose=False)

    module = torch.export.load(tmp_path / "m.pt2").module()
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 4):
        tensors, given = inputs_for(model, batch)
        assert_agrees([y.detach().float() for y in leaves(module(*given))], list(leaves(model(*given))), 1e-6)
        arrays = {taken.name: tensor.numpy() for taken, tensor in zip(session.get_inputs(), tensors, strict=True)}
        with in_full_precision(model) if name.startswith("mixed") else contextlib.nullcontext():
            assert_agrees(session.run(None, arrays), list(leaves(model(*given))))
        assert_agrees(session.run(None, arrays), list(leaves(model(*given))), 5e-2)  # bfloat16 has 8 bits


RUN = """
import sys
import numpy, onnxruntime, torch
x = numpy.load("x.npy")
by_torch = torch.export.load("m.pt2").module()(torch.from_numpy(x)).detach().numpy()
by_onnx = onnxruntime.InferenceSession("m.onnx").run(["probabilities"], {"steps": x})[0]
numpy.savez("y.npz", by_torch=by_torch, by_onnx=by_onnx)
print([name for name in sys.modules if name.startswith("corekit")])
"""


@pytest.mark.slow
def test_files_run_where_no_corekit_is(tmp_path):
    steps = Input((None, 3), name="steps")
    x = layers.GRU(4)(layers.LSTM(4, return_sequences=True)(steps))
    x = ck.ops.linear_relu(x, torch.linspace(-1, 1, 12).reshape(4, 3))
    model = Model(steps, Dense(2, activation="softmax", name="probabilities")(x))
    random = np.random.default_rng(0).normal(size=(5, 7, 3)).astype("float32")
    np.save(tmp_path / "x.npy", random)

    model.export(tmp_path / "m.pt2", verbose=False)
    model.export(tmp_path / "m.onnx", verbose=False)
    run = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True)

    assert run.stdout.strip() == "[]", run.stderr
    with np.load(tmp_path / "y.npz") as given:
        assert_agrees([given["by_torch"], given["by_onnx"]], [model(torch.from_numpy(random))] * 2)

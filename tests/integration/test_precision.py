"""Models under dtype policies: numbers, declared dtypes, training, compiling, files."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import corekit as ck
from corekit import mixed_precision

torch.manual_seed(0)
X = torch.randn(8, 6)
Y = torch.eye(3)[torch.arange(8) % 3]


@pytest.fixture(autouse=True)
def float32_afterwards() -> Any:
    yield
    mixed_precision.set_global_policy("float32")


def layers(head: Any = None) -> list[Any]:
    dense, relu = ck.layers.Dense, "relu"
    norm, batch = ck.layers.LayerNormalization(), ck.layers.BatchNormalization()
    return [dense(16, activation=relu), norm, ck.layers.Dropout(0.1), batch, dense(3, activation="softmax", dtype=head)]


def row(head: Any = None) -> Any:
    return ck.Sequential([ck.Input((6,)), *layers(head)])


def drawn(head: Any = None) -> Any:
    x = inputs = ck.Input((6,))
    for layer in layers(head):
        x = layer(x)
    return ck.Model(inputs, x)


FORMS = [row, drawn]
HALVES = ["mixed_bfloat16", "mixed_float16"]


def test_keras_names_are_there() -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")

    assert mixed_precision.global_policy() == ck.config.dtype_policy() == mixed_precision.Policy("mixed_bfloat16")
    assert isinstance(ck.config.dtype_policy(), ck.DTypePolicy)
    ck.config.set_dtype_policy("float32")
    assert mixed_precision.global_policy().name == "float32"


KERAS = """
keras.mixed_precision.set_global_policy("mixed_bfloat16")
model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(16, "tanh"),
                          keras.layers.Dense(3, "softmax", dtype=None if half_head else "float32")])
model.set_weights([k1, b1, k2, b2, k3, b3])
out = model(x)
result["dtype"] = str(out.dtype)
result["symbolic"] = str(model.outputs[0].dtype)
result["out"] = out.detach().to(torch.float32)
"""


@pytest.mark.slow
@pytest.mark.parametrize("half_head", [True, False])
def test_mixed_mlp_computes_as_keras(keras_oracle: Any, half_head: bool) -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    dense = ck.layers.Dense
    head = dense(3, activation="softmax", dtype=None if half_head else "float32")
    model = ck.Sequential([ck.Input((6,)), dense(32, activation="relu"), dense(16, activation="tanh"), head])
    names = ["k1", "b1", "k2", "b2", "k3", "b3"]
    weights = dict(zip(names, model.get_weights(), strict=True))

    keras = keras_oracle(KERAS, x=X.numpy(), half_head=np.array(half_head), **weights)
    ours = model(X)

    assert str(keras["dtype"]).removeprefix("torch.") == str(ours.dtype).removeprefix("torch.")
    assert str(keras["symbolic"]) == str(model.outputs[0].dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours.detach().float().numpy(), keras["out"], atol=2e-2)  # bfloat16 has 8 bits


@pytest.mark.parametrize("policy", HALVES)
@pytest.mark.parametrize("form", FORMS)
def test_declared_dtype_is_the_computed(form: Any, policy: str) -> None:
    mixed_precision.set_global_policy(policy)
    model = form()

    x = X
    for layer in model.layers:
        x = layer(x)
        assert x.dtype == layer.output.dtype == layer.compute_dtype, layer.name
    assert model(X).dtype == model.outputs[0].dtype


@pytest.mark.parametrize("policy", HALVES)
def test_declared_dtype_is_the_computed_without_shapes(policy: str) -> None:
    """Layers that are run on meta tensors to see what they give, bare modules and a model in a model among them."""

    class Own(ck.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")

        def call(self, inputs: Tensor) -> Tensor:
            return torch.softmax(inputs @ self.kernel, -1)

    mixed_precision.set_global_policy(policy)
    inner = ck.Sequential([Own(), torch.nn.Linear(4, 4), ck.layers.Dense(3, dtype="float32")])
    x = inputs = ck.Input((6,))
    for layer in (Own(), torch.nn.Linear(4, 6), torch.tanh, inner):
        x = ck.layer(layer)(x)
    model = ck.Model(inputs, x)

    assert model.outputs[0].dtype == model(X).dtype == torch.float32
    assert [layer.output.dtype for layer in model.layers[:3]] == [model.layers[0].compute_dtype] * 3


@pytest.mark.parametrize("policy", HALVES)
@pytest.mark.parametrize("form", FORMS)
def test_float32_head_gives_float32_logits(form: Any, policy: str) -> None:
    mixed_precision.set_global_policy(policy)
    model = form(head="float32")

    with model.precision():
        logits = model.logits(X)

    assert logits.dtype == model(X).dtype == torch.float32
    assert torch.allclose(torch.softmax(logits, -1), model(X), atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_mixed_heads_logits_are_half(form: Any) -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = form()

    with model.precision():
        assert model.logits(X).dtype == torch.bfloat16
    assert model.logits(X).dtype == torch.bfloat16


@pytest.mark.parametrize("policy", HALVES)
def test_statistics_stay_float32(policy: str) -> None:
    mixed_precision.set_global_policy(policy)
    batch, norm = ck.layers.BatchNormalization(), ck.layers.LayerNormalization()
    large = X * 3 + 300  # whose squares float16 cannot hold

    batch(large, training=True)

    assert {weight.dtype for weight in (*batch.weights, *norm.weights)} == {torch.float32}
    assert torch.allclose(batch.moving_mean, 0.01 * large.mean(0), rtol=1e-2)
    assert torch.allclose(norm(X).float(), torch.nn.functional.layer_norm(X, (6,), eps=1e-3), atol=3e-2)


def test_loss_of_half_predictions_is_float32() -> None:
    predictions = torch.softmax(X[:, :3], -1)

    for name in ("CategoricalCrossentropy", "MeanSquaredError", "BinaryCrossentropy"):
        loss = getattr(ck.losses, name)()
        assert loss(Y, predictions.bfloat16()).dtype == torch.float32
        assert loss(Y, predictions.bfloat16()).item() == pytest.approx(loss(Y, predictions).item(), rel=2e-2)


@pytest.mark.parametrize("form", FORMS)
def test_mixed_bfloat16_model_trains(form: Any) -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = form(head="float32")
    model.compile(optimizer=ck.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"])

    losses = model.fit(X, Y, epochs=15, batch_size=4, verbose=0).history["loss"]

    assert losses[-1] < 0.7 * losses[0]
    assert {weight.dtype for weight in model.weights} == {torch.float32}
    assert model.predict(X, verbose=0).dtype == np.float32


@pytest.mark.parametrize("head", [None, "float32"])
@pytest.mark.parametrize("form", FORMS)
def test_mixed_model_compiles_whole(form: Any, head: Any) -> None:
    torch._dynamo.reset()
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = form(head=head)

    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")

    assert compiled(X).dtype == model(X).dtype
    assert torch.allclose(compiled(X).float(), model(X).float(), atol=1e-2)


def test_precision_compiles_around_logits() -> None:
    torch._dynamo.reset()
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = row(head="float32")

    def logits(x: Tensor) -> Tensor:
        with model.precision():
            return model.logits(x)  # type: ignore[no-any-return]  # a model's outputs are Any

    compiled = torch.compile(logits, fullgraph=True, backend="aot_eager")

    assert torch.allclose(compiled(X), logits(X), atol=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_loaded_model_computes_as_saved(form: Any, tmp_path: Any) -> None:
    mixed_precision.set_global_policy("mixed_bfloat16")
    model = form(head="float32")
    model.save(tmp_path / "model.safetensors")
    mixed_precision.set_global_policy("mixed_float16")  # not that of the model

    loaded = ck.load_model(tmp_path / "model.safetensors")

    assert [layer.dtype_policy for layer in loaded.layers] == [layer.dtype_policy for layer in model.layers]
    assert loaded.dtype_policy == model.dtype_policy
    assert torch.equal(loaded(X), model(X))


def test_model_of_no_policy_is_loaded_without_one(tmp_path: Any) -> None:
    model = row()
    model.save(tmp_path / "model.safetensors")
    mixed_precision.set_global_policy("mixed_bfloat16")

    loaded = ck.load_model(tmp_path / "model.safetensors")

    assert loaded(X).dtype == torch.float32


def test_layers_inside_a_saved_layer_keep_their_policies(tmp_path: Any) -> None:
    @ck.register
    class Block(ck.Layer):
        def __init__(self, units: int) -> None:  # takes no dtype
            super().__init__()
            self.first = ck.layers.Dense(units, activation="softmax")
            self.second = ck.layers.Dense(units, dtype="float32")

        def call(self, inputs: Tensor) -> Any:
            return self.second(self.first(inputs))

    mixed_precision.set_global_policy("mixed_bfloat16")
    model = ck.Sequential([ck.Input((6,)), Block(3)])
    model.save(tmp_path / "model.safetensors")
    mixed_precision.set_global_policy("float32")

    block = ck.load_model(tmp_path / "model.safetensors").layers[0]

    names = [layer.dtype_policy.name for layer in (block, block.first, block.second)]
    assert names == ["mixed_bfloat16", "mixed_bfloat16", "float32"]
    assert torch.equal(block(X), model(X))


def test_policy_of_a_file_must_be_known() -> None:
    config = row().get_config()
    config["layers"][0][1]["dtype_policy"] = "os.system"

    with pytest.raises(ck.CorekitError, match="there is no such policy"):
        ck.Sequential.from_config(config)

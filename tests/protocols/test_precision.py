"""Dtype policies: names, where they come from, and what a layer under one computes in."""

import copy
import pickle

import pytest
import torch

from corekit.errors import ArgumentError
from corekit.protocols.layer import Layer
from corekit.protocols.precision import (
    POLICIES,
    DTypePolicy,
    as_policy,
    dtype_policy,
    no_global_policy,
    set_dtype_policy,
)

X = torch.linspace(-1, 1, 6).reshape(2, 3)


class Scale(Layer):
    """Notes what `call` meets."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 2), initializer=torch.nn.init.ones_, name="kernel")
        self.seen = []

    def call(self, inputs):
        self.seen.append((inputs.dtype, torch.is_autocast_enabled("cpu")))
        return inputs @ self.kernel


class Around(Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)


@pytest.fixture
def policy():
    """Set a global policy for one test."""
    yield set_dtype_policy
    set_dtype_policy("float32")


# Policies


@pytest.mark.parametrize("name", POLICIES)
def test_policy_has_keras_dtypes(name):
    policy = DTypePolicy(name)

    plain = name.removeprefix("mixed_")
    assert policy.compute_dtype is getattr(torch, plain)
    assert policy.variable_dtype is (torch.float32 if policy.is_mixed else policy.compute_dtype)
    assert policy.is_mixed is (name != plain)
    assert repr(policy) == f'<DTypePolicy "{name}">'


@pytest.mark.parametrize(
    "given",
    [
        "mixed_bfloat16",
        DTypePolicy("mixed_bfloat16"),
        {"name": "mixed_bfloat16"},
        {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}},
    ],
)
def test_policy_comes_in_every_form(given):
    assert as_policy(given) == DTypePolicy("mixed_bfloat16")
    assert Layer(dtype=given).dtype_policy == DTypePolicy("mixed_bfloat16")


def test_policy_survives_its_config():
    policy = DTypePolicy("mixed_float16")

    assert DTypePolicy.from_config(policy.get_config()) == policy
    assert hash(DTypePolicy("mixed_float16")) == hash(policy)


@pytest.mark.parametrize("name", ["mixed_float64", "half", "int8"])
def test_unknown_policy_lists_the_known(name):
    with pytest.raises(ArgumentError, match=r"'float32', 'float64', .*'mixed_bfloat16'"):
        DTypePolicy(name)


def test_unknown_mixed_dtype_of_a_layer_is_told():
    with pytest.raises(ArgumentError, match="mixed_float64"):
        Layer(dtype="mixed_float64")


# The global policy


def test_global_policy_is_floatx_at_first():
    assert dtype_policy() == DTypePolicy("float32")
    assert Layer().dtype_policy == DTypePolicy("float32")


def test_global_policy_holds_for_layers_made_after_it(policy):
    before = Layer()
    policy("mixed_bfloat16")
    after, explicit = Layer(), Layer(dtype="float64")

    assert before.compute_dtype == torch.float32
    assert (after.compute_dtype, after.variable_dtype, after.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert explicit.compute_dtype == torch.float64
    assert DTypePolicy() == DTypePolicy("mixed_bfloat16")


def test_global_policy_can_be_left_aside(policy):
    policy("mixed_bfloat16")

    with no_global_policy():
        assert Layer()._policy is None

    assert Layer().compute_dtype == torch.bfloat16


def test_dtype_that_is_none_to_compute_in_makes_no_policy():
    layer = Layer(dtype="int64")

    assert (layer._policy, layer.dtype) == (None, torch.int64)


# Computing


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_mixed_layer_multiplies_in_half_precision(name):
    layer = Scale(dtype=f"mixed_{name}")

    assert layer(X).dtype is getattr(torch, name)
    assert layer.kernel.dtype is torch.float32
    assert layer.seen == [(torch.float32, True)]


def test_layer_of_no_policy_follows_users_autocast():
    layer = Scale()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(X).dtype is torch.bfloat16


def test_float32_layer_in_mixed_one_computes_in_float32():
    inner = Scale(dtype="float32")

    class Outer(Around):
        is_model = True

    assert Outer(inner, dtype="mixed_bfloat16")(X.bfloat16()).dtype is torch.float32
    assert inner.seen == [(torch.float32, False)]


def test_mixed_layer_returns_the_compute_dtype():
    class Softmax(Layer):
        def call(self, inputs):
            return {"shares": torch.softmax(inputs, -1), "best": inputs.argmax(-1)}  # autocast gives float32

    result = Softmax(dtype="mixed_bfloat16")(X)

    assert {key: value.dtype for key, value in result.items()} == {"shares": torch.bfloat16, "best": torch.int64}


def test_autocast_is_entered_once(monkeypatch):
    entered = []
    enter = torch.autocast.__enter__
    monkeypatch.setattr(torch.autocast, "__enter__", lambda self: entered.append(self.fast_dtype) or enter(self))
    layer = Around(Around(Scale(dtype="mixed_bfloat16"), dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
    layer(X)
    entered.clear()

    layer(X)

    assert entered == [torch.bfloat16]
    assert not torch.is_autocast_enabled("cpu")


def test_other_mixed_policy_inside_is_entered():
    inner = Scale(dtype="mixed_float16")

    Around(inner, dtype="mixed_bfloat16")(X)

    assert inner(X).dtype is torch.float16


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_uniform_layer_casts_its_input(dtype):
    layer = Scale(dtype=dtype)

    assert layer(X).dtype is getattr(torch, dtype)
    assert layer(torch.ones(2, 3).double()).dtype is getattr(torch, dtype)


def test_layer_with_weights_and_layers_inside_casts_its_input():
    class Both(Scale):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.part = Layer()

    assert Both(dtype="float64")(X).dtype == torch.float64


def test_inputs_that_are_whole_numbers_stay():
    class Pass(Layer):
        def call(self, inputs):
            return inputs

    assert Pass(dtype="mixed_bfloat16")(torch.arange(3)).dtype is torch.int64
    assert Pass(dtype="float64")(torch.arange(3)).dtype is torch.int64


def test_gradients_of_a_mixed_layer_are_float32():
    layer = Scale(dtype="mixed_bfloat16")

    layer(X).sum().backward()

    assert layer.kernel.grad.dtype is torch.float32


def test_torch_hooks_see_a_mixed_call():
    layer, seen = Scale(dtype="mixed_bfloat16"), []
    layer.register_forward_hook(lambda module, args, output: seen.append(output.dtype))

    layer(X)

    assert seen == [torch.bfloat16]


# Setting and moving


def test_policy_of_a_layer_may_be_set():
    layer = Scale()
    layer(X)

    layer.dtype_policy = "mixed_bfloat16"

    assert layer(X).dtype is torch.bfloat16


def test_uniform_policy_follows_its_weights():
    layer = Scale(dtype="float32")
    layer(X)

    layer.double()

    assert layer.dtype_policy == DTypePolicy("float64")
    assert layer(X).dtype is torch.float64


def test_mixed_policy_outlives_a_cast():
    layer = Scale(dtype="mixed_bfloat16")
    layer(X)

    layer.to(torch.bfloat16)

    assert layer.dtype_policy == DTypePolicy("mixed_bfloat16")
    assert (layer(X).dtype, layer.dtype) == (torch.bfloat16, torch.bfloat16)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copy_keeps_the_policy(copied):
    layer = Scale(dtype="mixed_bfloat16")
    layer(X)

    assert copied(layer)(X).dtype is torch.bfloat16


@pytest.mark.parametrize("given", [DTypePolicy("mixed_bfloat16"), {"name": "mixed_bfloat16"}, "mixed_bfloat16"])
def test_config_holds_the_policys_name(given):
    assert Scale(dtype=given).get_config()["dtype"] == "mixed_bfloat16"


# For those who pass the call by


def test_precision_is_the_layers_context():
    layer = Scale(dtype="mixed_bfloat16")
    layer(X)

    with layer.precision():
        assert torch.get_autocast_dtype("cpu") is torch.bfloat16
        assert torch.is_autocast_enabled("cpu")
        with Scale(dtype="float32").precision():
            assert not torch.is_autocast_enabled("cpu")
        with Scale().precision():
            assert torch.is_autocast_enabled("cpu")


def test_precise_logits_are_in_the_compute_dtype():
    class Head(Scale):
        link_activation = torch.sigmoid

        def logits(self, inputs):
            return self.call(inputs)

    head = Head(dtype="mixed_bfloat16")
    head(X)

    assert head.precise_logits(X).dtype is torch.bfloat16

"""`corekit.register`."""

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError
from corekit.registry import registry


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        (ck.Layer, "layers"), (ck.Model, "layers"), (ck.Sequential, "layers"), (ck.Optimizer, "optimizers"),
        (ck.Loss, "losses"), (ck.Metric, "metrics"), (ck.Initializer, "initializers"),
        (ck.Regularizer, "regularizers"), (ck.Constraint, "constraints"), (ck.LearningRateSchedule, "schedules"),
        (ck.Callback, "callbacks"),
    ],
)  # fmt: skip
def test_kind_comes_from_the_base(base, kind):
    mine = type("Mine", (base,), {})

    ck.register(mine)

    assert registry.get(kind, "local:Mine") is mine


def test_function_is_an_activation():
    def cube(x):
        return x**3

    ck.register(cube)

    assert ck.activations.cube is cube


def test_kind_of_a_function_may_be_told():
    def gap(y_true, y_pred):
        return y_pred - y_true

    ck.register(gap, kind="losses")

    assert registry.get("losses", "gap") is gap


def test_register_returns_the_class():
    class Mine(ck.Layer):
        pass

    assert ck.register(Mine) is Mine


def test_register_takes_a_name():
    @ck.register("Yours")
    class Mine(ck.Layer):
        pass

    assert registry.find("layers", "Yours").id == "local:Yours"
    assert registry.get("layers", "local:Yours") is Mine


def test_register_with_keywords_is_a_decorator():
    @ck.register(name="gap", kind="metrics")
    def absolute(y_true, y_pred):
        return (y_true - y_pred).abs()

    assert registry.get("metrics", "gap") is absolute


@pytest.mark.parametrize("room", [ck.saving, ck.utils])
def test_keras_spelling_works(room):
    @room.register_keras_serializable(package="mine")
    class Mine(ck.Layer):
        pass

    assert registry.get("layers", "local:Mine") is Mine


def test_keras_spelling_takes_a_name():
    @ck.saving.register_keras_serializable("mine", "Other")
    class Mine(ck.Layer):
        pass

    assert registry.get("layers", "local:Other") is Mine


def test_later_class_of_a_name_replaces_the_earlier():
    earlier, later = (ck.register(type("Mine", (ck.Layer,), {})) for _ in range(2))

    assert registry.get("layers", "Mine") is later
    assert registry.component_of("layers", earlier) is None


@pytest.mark.parametrize("value", [3, torch.nn.Linear, object()])
def test_unclear_kind_shows_what_to_write(value):
    with pytest.raises(ArgumentTypeError, match="cannot tell what kind of part it is") as raised:
        ck.register(value)

    assert 'corekit.register(kind="layers")' in str(raised.value)


def test_torch_module_is_registered_with_its_kind():
    ck.register(torch.nn.Linear, kind="layers")

    assert ck.layers.Linear(3, 2)(torch.ones(1, 3)).shape == (1, 2)


def test_unknown_kind_lists_the_kinds():
    with pytest.raises(ArgumentError, match="layers, optimizers, losses"):
        ck.register(torch.nn.Linear, kind="layer")

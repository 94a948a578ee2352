"""A Keras configuration: each argument keeps its meaning, or is refused by name."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from corekit.saving.keras_config import build
from tests.saving.keras_files import entrance, row, scale


@pytest.fixture(autouse=True)
def basic():
    """Skip where the core is tested alone: these are arguments of real layers."""
    pytest.importorskip("corekit_layers_basic", reason="needs corekit-layers-basic")


def part(kind, cls, **config):
    return {"module": f"keras.{kind}", "class_name": cls, "config": config, "registered_name": None}


def layer(cls, name="one", **config):
    return part("layers", cls, name=name, trainable=True, **config)


def made(*records, **words):
    return build(row(*records), {}, **words)[0]


def refused(*records):
    with pytest.raises(LoadError) as raised:
        made(*records)
    return str(raised.value)


# Arguments


def test_parts_keep_their_arguments():
    dense = made(
        layer(
            "Dense",
            units=4,
            activation="gelu",
            kernel_initializer=part("initializers", "RandomNormal", mean=0.5, stddev=0.0, seed=3),
            kernel_regularizer=part("regularizers", "L2", l2=0.25),
            kernel_constraint=part("constraints", "MaxNorm", max_value=2.0, axis=0),
            bias_initializer="ones",
        )
    ).layers[0]

    assert dense.activation is ck.activations.gelu
    assert torch.all(dense.kernel == 0.5)
    assert dense.bias.tolist() == [1.0] * 4
    assert dense.losses[0].item() == pytest.approx(0.25 * 12 * 0.25)
    assert dense.kernel_constraint.max_value == 2.0


def test_none_of_what_ours_does_not_have_is_no_matter():
    assert made(layer("Dense", units=4, quantization_config=None, future=None)).count_params() == 16


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (layer("Dense", units=4, lora_rank=2), "Dense has no lora_rank=2"),
        (layer("LayerNormalization", rms_scaling=True), "LayerNormalization has no rms_scaling=True"),
        (layer("BatchNormalization", renorm=True), "BatchNormalization has no renorm=True"),
        (layer("ReLU", max_value=3.0), "ReLU has no max_value=3.0"),
        (layer("Dense", units=4, kernel_initializer=part("initializers", "Zeros", x=1)), "Zeros has no x=1"),
        (layer("Dense", units=0), "expected a whole number from 1"),
        (layer("Dense"), "missing 1 required positional argument: 'units'"),
        (layer("Dense", units="many"), "expected a whole number from 1"),
        (layer("Dense", units=4, dtype=part("dtype_policies", "QuantizedDTypePolicy")), "'keras.dtype_policies'"),
        (layer("Dense", units=4, dtype="float8"), "float8"),
    ],
)
def test_argument_that_ours_does_not_have_is_refused_by_name(record, told):
    message = refused(record)

    assert told in message
    assert '"one"' in message or "corekit takes nothing from" in message


@pytest.mark.parametrize("cls", ["Dropout"])
def test_seed_of_a_layer_is_left_to_torch(cls):
    assert made(layer(cls, rate=0.5, seed=7)).layers[0].rate == 0.5


def test_arrays_among_the_arguments_are_read():
    scales = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 3.0], "dtype": "float32"}}

    model = made(layer("Rescaling", scale=scales))

    np.testing.assert_array_equal(model(torch.ones(1, 3)), [[1.0, 2.0, 3.0]])


def test_array_of_no_numbers_is_refused():
    assert "is none of float64" in refused(
        layer("Rescaling", scale={"class_name": "__numpy__", "config": {"value": ["x"], "dtype": "object"}})
    )


def test_sketch_draws_no_initializer():
    seeded = part("initializers", "RandomNormal", mean=1.0, stddev=0.1, seed=3)

    sketch = made(layer("Dense", units=4, kernel_initializer=seeded), bare=True)

    assert torch.all(sketch.layers[0].kernel == 0)


# Dtypes


def policy(name):
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": name}, "registered_name": None}


def test_usual_policy_leaves_no_trace():
    model = made(layer("Dense", units=4, dtype=policy("float32")))

    assert model.layers[0]._policy is None  # so that a call costs no more than one of a model made here


def test_policies_that_differ_are_kept_each():
    model = made(
        layer("Dense", "a", units=4, dtype=policy("mixed_bfloat16")),
        layer("Dense", "b", units=2, dtype=policy("float32")),
    )

    assert [one.dtype_policy.name for one in model.layers] == ["mixed_bfloat16", "float32"]
    assert model(torch.ones(1, 3)).dtype == torch.float32


# Models


def test_row_without_an_input_is_built_by_its_first_call():
    config = {"name": "row", "layers": [layer("Dense", units=2)]}

    model = build({"module": "keras", "class_name": "Sequential", "config": config}, {})[0]

    assert not model.built
    assert model(torch.ones(1, 3)).shape == (1, 2)


def test_frozen_model_has_only_frozen_layers():
    inner = row({**layer("Dense", units=2), "config": {"name": "d", "trainable": False, "units": 2}})
    inner["config"]["trainable"] = False

    model = made(inner)

    assert model.trainable
    assert not model.layers[0].trainable
    assert model.trainable_weights == []


def shared(**changes):
    return {**layer("Dense", "shared", units=3), **changes}


def test_layer_that_two_models_share_is_one():
    model = made(row(shared()), shared(shared_object_id=5))

    assert model.layers[0].layers[0] is model.layers[1]
    assert model.count_params() == 12


def test_share_of_which_nobody_knows_whose_is_refused():
    message = refused(row(shared()), row(shared()), shared(shared_object_id=5))

    assert 'several layers could be the "shared" that two models of the file share' in message
    assert "names of their own" in message


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, {"class_name": "Dense"}, {"config": {}, "class_name": 3}])
def test_what_is_no_description_is_refused(value):
    with pytest.raises(LoadError, match=r"of the Keras file cannot be made|corekit cannot make"):
        build(value, {})


def test_registered_class_keeps_its_place(scale_class):
    model = build({**row(scale()), "config": {"name": "r", "layers": [entrance(), scale()]}}, {})[0]

    assert isinstance(model.layers[0], scale_class)

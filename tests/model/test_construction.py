"""Descriptions that are damaged, hostile, or name what is not here. The round trip: test_config.py."""

import copy
import sys

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, LoadError
from corekit.model.config import describe
from corekit.model.construction import construct, constructed
from corekit.protocols.creation import create


@pytest.fixture
def record(parts):
    """The description of a drawn model of two layers, the first with a component among its arguments."""
    ck.register(parts.Affine)
    ck.register(cube)
    x = ck.Input(shape=(4,))
    return describe(ck.Model(x, parts.Affine(2)(parts.Affine(3, cube)(x)) * 2))


@pytest.fixture
def record_of_dense():
    """The description of a built-in layer with an activation by name."""
    return describe(ck.layers.Dense(3, activation="relu"))


def cube(x):
    return x**3


class Filled(ck.Initializer):
    def __call__(self, shape, dtype=None):
        return torch.zeros(shape)


def refused(record, code):
    """Return the message of the LoadError of that code which the record leads to."""
    with pytest.raises(LoadError) as raised:
        construct(record)
    assert raised.value.code == code
    return str(raised.value)


def first_layer(record):
    return record["layers"][0][1]


# What is not here


def test_all_missing_parts_are_named_at_once(record):
    first_layer(record)["id"] = "corekit-far:Affine"
    record["layers"][1][1]["id"] = "corekit-further:Affine"
    first_layer(record)["config"]["activation"] = {"$component": ["activations", "local:square"]}

    text = refused(record, "missing-part")

    assert "the model needs 3 parts that are not here" in text
    assert all(word in text for word in ("corekit-far", "corekit-further", "local:square"))


def test_missing_local_class_says_what_to_do(record):
    first_layer(record)["id"] = "local:Other"

    text = refused(record, "missing-part")

    assert "the model needs 1 part that is not here" in text
    assert 'Define "Other", with @corekit.register above it, before this line' in text


def test_broken_plugin_is_named_with_its_cause(record, site):
    site.install("corekit-ill", {"layers": {"Sick": "corekit_ill:Sick"}}, corekit_ill="raise ValueError('no luck')")
    first_layer(record)["id"] = "corekit-ill:Sick"

    assert "no luck" in refused(record, "missing-part")


def test_unknown_kind_is_named(record):
    first_layer(record)["config"]["activation"] = {"$component": ["nonsense", "local:cube"]}

    assert "the file names a part 'nonsense' 'local:cube', which is no id" in refused(record, "bad-description")


NO_IDS = [
    "Affine", "", ":Affine", "local:", "a:b:c", "Local:Affine", "../x:Y", "local:A\x1b[2J", "local:\u202eeniffA",
    "os.path:join",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_IDS)
def test_only_ids_are_looked_up(record, name, monkeypatch):
    monkeypatch.setattr(ck.registry.registry, "attribute", None)
    first_layer(record)["id"] = name

    assert refused(record, "bad-description").isprintable()  # nothing in it moves a terminal's cursor


def test_id_is_exact(record):
    first_layer(record)["id"] = "local:affine"

    refused(record, "missing-part")


def test_custom_objects_stand_in_for_registered_ones(record, parts, monkeypatch):
    monkeypatch.setattr(ck.registry.registry, "_local", [])

    model = construct(record, {"Affine": parts.Affine, "cube": cube})

    assert model.layers[0].activation is cube


def test_naming_a_module_imports_nothing(record):
    first_layer(record)["id"] = "this:d"
    first_layer(record)["config"]["activation"] = {"$component": ["activations", "antigravity:fly"]}
    before = set(sys.modules)

    refused(record, "missing-part")

    assert {"this", "antigravity"} & (set(sys.modules) - before) == set()


# Parts of the wrong kind


def test_layer_that_is_no_class_of_layers_is_refused(record):
    with pytest.raises(LoadError, match="'local:Affine' is no class of layers") as raised:
        construct(record, {"Affine": dict})

    assert raised.value.code == "wrong-kind"


def test_function_cannot_be_made_from_a_config(record):
    first_layer(record)["config"]["activation"] = {"$component": ["activations", "local:cube"], "config": {"x": 3}}

    assert "no class that can be made from data" in refused(record, "wrong-kind")


def test_model_of_another_class_is_refused(record):
    record["id"] = "local:Affine"

    assert "'local:Affine' is no class of Model" in refused(record, "wrong-kind")


# Damage


@pytest.mark.parametrize("damaged", [None, 3, "x", [], {}, {"type": "nonsense"}, {"type": ["component"]}])
def test_what_is_no_description_is_refused(damaged):
    assert "cannot be used" in refused(damaged, "bad-description")


def paths_of(value, path=()):
    """Yield the way to every value in a nested structure."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def changed(record, path, value):
    """Return a copy in which the value at the path is another; None takes it out."""
    twin = copy.deepcopy(record)
    holder = twin
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return twin


@pytest.mark.parametrize(
    "value", [None, 10**6, -1, "nonsense", "", [], {}, [[]], {"$slot": -1}, {"$nonsense": 1}, True]
)
def test_any_damage_gives_a_model_or_a_load_error(record, value):
    outcomes = set()
    for path in paths_of(record):
        if path[-1] == "units" and value == 10**6:
            continue  # a layer that size is allowed
        try:
            construct(changed(record, path, value))
            outcomes.add("model")
        except LoadError as error:
            outcomes.add(error.code)

    assert "bad-description" in outcomes
    assert outcomes <= {"model", "bad-description", "missing-part", "wrong-kind"}


def test_bad_description_names_layer_and_cause(record):
    first_layer(record)["config"]["units"] = "many"

    text = refused(record, "bad-description")

    assert "the description of 'affine' cannot be used: " in text


def test_unknown_sort_of_value_is_named(record):
    first_layer(record)["config"]["units"] = {"$code": "print()"}

    assert "unknown sort, '$code'" in refused(record, "bad-description")


def test_array_of_objects_is_refused(record):
    first_layer(record)["config"]["units"] = {"$array": ["object", [1], [None]]}

    assert "'object' is no array of numbers" in refused(record, "bad-description")


def test_layer_name_with_a_dot_is_refused(record):
    record["layers"][0][0] = "a.b"

    assert "'a.b' is no name of a layer" in refused(record, "bad-description")


def test_error_of_a_constructor_is_the_cause(record, parts):
    class Picky(parts.Affine):
        def __init__(self, units, activation=None):
            raise ArgumentError("three is too many")

    with pytest.raises(LoadError, match="ArgumentError: three is too many") as raised:
        construct(record, {"Affine": Picky})

    assert isinstance(raised.value.__cause__, ArgumentError)


def test_names_mean_what_the_file_says(record_of_dense):
    record_of_dense["names"]["activations"]["relu"] = "corekit-layers-basic:tanh"

    assert construct(record_of_dense).activation is ck.activations.tanh


def test_what_a_name_means_must_be_here(record_of_dense):
    record_of_dense["names"]["activations"]["relu"] = "corekit-layers-basic:swoosh"

    assert '"corekit-layers-basic:swoosh"' in refused(record_of_dense, "missing-part")


def test_what_a_name_means_is_an_id(record_of_dense):
    record_of_dense["names"]["activations"]["relu"] = "tanh"

    assert "'tanh', which is no id" in refused(record_of_dense, "bad-description")


def test_name_means_one_thing_in_a_file(record_of_dense):
    other = copy.deepcopy(record_of_dense)
    other["names"]["activations"]["relu"] = "corekit-layers-basic:tanh"
    record_of_dense["config"]["bias_initializer"] = {"$layer": other}

    assert "says that activations 'relu' means" in refused(record_of_dense, "bad-description")


def test_custom_objects_stand_behind_names(record_of_dense):
    record_of_dense["names"]["activations"]["relu"] = "local:mine"

    assert construct(record_of_dense, {"mine": torch.sin}).activation is torch.sin


def test_arguments_of_another_sort_are_refused_before_the_constructor_runs(record_of_dense, monkeypatch):
    record_of_dense["config"]["use_bias"] = {"a": 1}
    ran = []
    monkeypatch.setattr(ck.layers.Dense, "__new__", lambda *args, **kwargs: ran.append(args))

    assert "Dense(use_bias={'a': 1}): expected bool." in refused(record_of_dense, "bad-description")
    assert not ran


def test_unknown_argument_is_refused(record_of_dense):
    record_of_dense["config"]["colour"] = "red"

    assert "Dense(colour='red'): there is no such argument." in refused(record_of_dense, "bad-description")


def test_arguments_of_parts_inside_are_looked_at_too(record_of_dense):
    record_of_dense["config"]["kernel_regularizer"] = {
        "$component": ["regularizers", "corekit-layers-basic:L2"], "config": {"l2": "a lot"},
    }  # fmt: skip

    assert "L2(l2='a lot'): expected float | None." in refused(record_of_dense, "bad-description")


def test_values_are_made_with_their_names():
    record = {"config": {"loss": "mine"}, "names": {"losses": {"mine": "corekit-objectives:MeanSquaredError"}}}

    with constructed(record) as values:
        assert values == {"loss": "mine"}
        assert type(create("losses", "mine")).__name__ == "MeanSquaredError"
    with pytest.raises(ck.errors.UnknownNameError):
        create("losses", "mine")

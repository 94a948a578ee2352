"""From what users write for a part to the part."""

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from corekit.protocols.creation import create


class Filled(ck.Initializer):
    def __init__(self, value=7.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return torch.full(tuple(shape), self.value, dtype=dtype)


class Demanding(ck.Initializer):
    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None):
        return torch.zeros(shape)


def cube(x):
    return x**3


def test_none_stays_none():
    assert create("initializers", None) is None


def test_ready_object_is_returned_itself():
    ready = Filled(2.0)

    assert create("initializers", ready) is ready


def test_function_is_returned_itself():
    assert create("activations", torch.relu) is torch.relu


def test_class_becomes_an_instance():
    assert isinstance(create("initializers", Filled), Filled)


def test_name_of_a_class_becomes_an_instance():
    ck.register(Filled)

    assert isinstance(create("initializers", "filled"), Filled)


def test_name_of_a_function_is_the_function():
    ck.register(cube)

    assert create("activations", "cube") is cube


def test_id_is_a_name_too():
    ck.register(cube)

    assert create("activations", "local:cube") is cube


def test_config_dict_gives_the_arguments():
    ck.register(Filled)

    made = create("initializers", {"id": "local:Filled", "config": {"value": 3.0}})

    assert made((1,)).tolist() == [3.0]


def test_keras_config_dict_is_understood():
    ck.register(Filled)

    made = create("initializers", {"class_name": "Filled", "config": {"value": 3.0}})

    assert made.value == 3.0


def test_config_dict_of_a_function_is_the_function():
    ck.register(cube)

    assert create("activations", {"id": "cube"}) is cube


def test_function_takes_no_config():
    ck.register(cube)

    with pytest.raises(ArgumentError, match='activations "cube" is a function'):
        create("activations", {"id": "cube", "config": {"rate": 2}})


def test_dict_without_a_name_shows_the_form():
    with pytest.raises(ArgumentError, match="names no component") as raised:
        create("initializers", {"value": 3.0})

    assert '{"id": "...", "config": {...}}' in str(raised.value)


def test_missing_arguments_are_told():
    with pytest.raises(ArgumentError, match='initializers "Demanding" needs arguments') as raised:
        create("initializers", Demanding)

    assert "corekit.initializers.Demanding(...)" in str(raised.value)


def test_unknown_name_raises():
    with pytest.raises(UnknownNameError, match='no initializer called "nonesuch"'):
        create("initializers", "nonesuch")


@pytest.mark.parametrize("spec", [3, 2.5, [1], object()])
def test_other_types_are_refused(spec):
    with pytest.raises(ArgumentTypeError, match="expected a name, a config dict, a class or an object"):
        create("initializers", spec)

"""What holds for every component of this distribution, beside the contract."""

import pytest

import corekit
from corekit.registry import registry


def test_component_is_named_as_its_object(component):
    assert component.load().__name__ == component.name


@pytest.mark.parametrize("kind", ["layers", "activations", "regularizers", "constraints"])
def test_every_component_is_compared_with_keras(kind, cases):
    names = {c.name for c in registry.components(kind) if c.distribution == "corekit-layers-basic"}

    assert set(cases[kind]) == names, f"conftest.py and pyproject.toml differ in {kind}"


def test_component_explains_itself(component):
    text = component.load().__doc__

    assert all(word in text for word in ("Example:", "Reference: https://keras.io/api/"))


@pytest.mark.parametrize("kind", ["initializers", "regularizers", "constraints"])
def test_config_dict_makes_the_object(kind):
    for component in registry.components(kind):
        if component.distribution == "corekit-layers-basic":
            made = getattr(corekit, kind).get({"id": component.id, "config": {}})

            assert type(made) is component.load()

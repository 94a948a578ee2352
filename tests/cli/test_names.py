import pytest

from corekit.cli.names import plugin_names
from corekit.errors import ArgumentError
from corekit.registry import registry


@pytest.mark.parametrize(
    ("name", "module", "class_name", "file"),
    [
        ("my-plugin", "my_plugin", "MyPlugin", "my_plugin"),
        ("corekit-einops", "corekit_einops", "Einops", "einops"),
        ("corekit-my-scale", "corekit_my_scale", "MyScale", "my_scale"),
        ("swish2", "swish2", "Swish2", "swish2"),
        ("My.Plugin", "my_plugin", "MyPlugin", "my_plugin"),
        ("RMSNorm", "rmsnorm", "RMSNorm", "rmsnorm"),
    ],
)
def test_names_follow_from_the_distributions(name, module, class_name, file):
    names = plugin_names(name)

    assert (names.distribution, names.module, names.class_name, names.file) == (name, module, class_name, file)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "expected a letter"),
        ("my plugin", "expected a letter"),
        ("2fast", "expected a letter"),
        ("-x", "expected a letter"),
        ("my-plugin-", "expected a letter"),
        ("../up", "expected a letter"),
        ("größe", "expected a letter"),
        ("class", '"class" is no name in Python'),
        ("corekit-class", '"class" is no name in Python'),
        ("none", '"None" is no name in Python'),
        ("corekit-2d", '"2d" is no name in Python'),
        ("corekit", "a distribution of corekit's own"),
        ("Corekit", "a distribution of corekit's own"),
        ("json", 'its module "json" would hide'),
        ("torch", 'its module "torch" would hide'),
        ("layer", "corekit.layers.Layer is something else"),
    ],
)
def test_bad_name_is_refused_with_its_reason(name, words):
    with pytest.raises(ArgumentError) as caught:
        plugin_names(name)

    assert f'"{name}" cannot be the name of a plugin' in str(caught.value)
    assert words in str(caught.value)


def test_standard_distributions_names_are_reserved(monkeypatch):
    monkeypatch.setattr(registry, "owners", {"layers": {"Dense": "corekit-layers-basic"}})

    with pytest.raises(ArgumentError, match="corekit-layers-basic is a distribution of corekit's own"):
        plugin_names("Corekit_Layers_Basic")


def test_standard_components_names_are_reserved(monkeypatch):
    monkeypatch.setattr(registry, "_owner_of", {("layers", "dense"): "corekit-layers-basic"})

    with pytest.raises(ArgumentError, match='the layer "Dense" belongs to corekit-layers-basic'):
        plugin_names("corekit-dense")

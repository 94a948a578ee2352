import pytest

from corekit.cli.names import KINDS, plugin_names
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

    assert (names.distribution, names.module) == (name, module)
    assert [(part.kind, part.name, part.file) for part in names.parts] == [("layer", class_name, file)]


def test_in_a_mix_each_name_ends_in_its_kind():
    names = plugin_names("corekit-my-plugin", ["op", "hooks", "metric", "loss", "optimizer", "layer"])

    assert [(part.kind, part.name, part.file) for part in names.parts] == [
        ("layer", "MyPluginLayer", "layer"),
        ("optimizer", "MyPluginOptimizer", "optimizer"),
        ("loss", "MyPluginLoss", "loss"),
        ("metric", "MyPluginMetric", "metric"),
        ("op", "my_plugin_op", "op"),
        ("hooks", "", "hooks"),
    ]


def test_an_op_alone_is_a_function_named_after_the_plugin():
    assert plugin_names("My-Plugin", ["op"]).parts[0].name == "my_plugin"


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
        ("tests", 'its module "tests" would hide'),
        ("importlib-metadata", 'its module "importlib_metadata" would hide'),
        ("layer", "corekit.layers.Layer is something else"),
        ("corekit-tensor", '"Tensor" is something else in its own source'),
        ("ValueError", '"ValueError" is something else in its own source'),
    ],
)
def test_bad_name_is_refused_with_its_reason(name, words):
    with pytest.raises(ArgumentError) as caught:
        plugin_names(name)

    assert f'"{name}" cannot be the name of a plugin' in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("optimizer", "corekit-optimizer", "corekit.optimizers.Optimizer is something else"),
        ("loss", "corekit-loss", "corekit.losses.Loss is something else"),
        ("metric", "corekit-metric", "corekit.metrics.Metric is something else"),
        ("op", "sum", '"sum" is something else in its own source'),
        ("op", "corekit-functools", '"functools" is something else in its own source'),
        ("hooks", "corekit-class", '"class" is no name in Python'),
        ("op", "corekit-lambda", '"lambda" is no name in Python'),
    ],
)
def test_what_is_taken_depends_on_the_kind(kind, name, words):
    with pytest.raises(ArgumentError) as caught:
        plugin_names(name, [kind])

    assert words in str(caught.value)


def test_hooks_have_no_class_whose_name_could_be_taken():
    assert plugin_names("corekit-tensor", ["hooks"]).parts[0].file == "tensor"


def test_standard_distributions_names_are_reserved(monkeypatch):
    monkeypatch.setattr(registry, "owners", {"layers": {"Dense": "corekit-layers-basic"}})

    with pytest.raises(ArgumentError, match="corekit-layers-basic is a distribution of corekit's own"):
        plugin_names("Corekit_Layers_Basic")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hooks"])
def test_standard_components_names_are_reserved(kind, monkeypatch):
    monkeypatch.setattr(registry, "_owner_of", {(KINDS[kind], "dense"): "corekit-owner"})

    with pytest.raises(ArgumentError, match=f'the {kind} "[Dd]ense" belongs to corekit-owner'):
        plugin_names("corekit-dense", [kind])


def test_owned_names_of_other_kinds_are_free(monkeypatch):
    monkeypatch.setattr(registry, "_owner_of", {("layers", "dense"): "corekit-owner"})

    assert plugin_names("corekit-dense", ["loss"]).parts[0].name == "Dense"

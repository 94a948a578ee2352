"""The public face: what `import corekit` offers, and the names that Keras code expects."""

import importlib
import subprocess
import sys
from importlib import metadata

import pytest
import torch

import corekit
from corekit import errors

KINDS = [
    "layers", "optimizers", "losses", "metrics", "activations", "initializers", "regularizers", "constraints",
    "schedules", "callbacks", "ops",
]  # fmt: skip


def run(code):
    """Run code in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", corekit.__all__)
def test_every_public_name_is_there(name):
    assert getattr(corekit, name) is not None


def test_dir_lists_the_public_names():
    assert dir(corekit) == sorted(corekit.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'corekit' has no attribute 'Dense'"):
        _ = corekit.Dense


def test_names_are_fetched_once():
    assert corekit.Layer is corekit.Layer
    assert "Layer" in vars(corekit)


def test_version_is_that_of_the_distribution():
    assert corekit.__version__ == metadata.version("corekit")


def test_every_error_is_a_corekit_error():
    found = [value for value in vars(errors).values() if isinstance(value, type)]

    assert len(found) > 10
    assert [error for error in found if not issubclass(error, corekit.CorekitError)] == []


@pytest.mark.parametrize(
    ("error", "base"),
    [
        ("UnknownNameError", AttributeError), ("UnknownNameError", LookupError), ("ArgumentError", ValueError),
        ("ArgumentTypeError", TypeError), ("ShapeError", ValueError), ("DataError", ValueError),
        ("LayerError", RuntimeError), ("StateError", RuntimeError), ("DeviceError", RuntimeError),
        ("SaveError", ValueError), ("LoadError", ValueError), ("BrokenPluginError", ImportError),
    ],
)  # fmt: skip
def test_errors_are_what_python_users_expect(error, base):
    assert issubclass(getattr(errors, error), base)


# Namespaces


@pytest.mark.parametrize("kind", KINDS)
def test_namespace_lists_its_components(kind, site):
    site.install("corekit-one", {kind: {"Thing": "corekit_one:Thing"}}, corekit_one="class Thing: pass")

    assert "Thing" in dir(getattr(corekit, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_empty_namespace_says_what_is_missing(kind, site):
    with pytest.raises(errors.UnknownNameError, match=f"No {kind} are installed"):
        _ = getattr(corekit, kind).Thing


def test_component_is_imported_from_its_namespace(site):
    site.install("corekit-one", {"callbacks": {"Thing": "corekit_one:Thing"}}, corekit_one="class Thing: pass")

    from corekit.callbacks import Thing

    assert Thing.__module__ == "corekit_one"


def test_get_takes_a_name_or_an_id(site):
    site.install("corekit-one", {"layers": {"Thing": "corekit_one:Thing"}}, corekit_one="class Thing: pass")

    assert corekit.get("layers", "thing") is corekit.get("layers", "corekit-one:Thing")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("ops", "callbacks")])
def test_namespace_get_makes_the_part(kind):
    ready = torch.nn.Identity() if kind == "layers" else abs

    assert getattr(corekit, kind).get(ready) is ready
    assert getattr(corekit, kind).get(None) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("layers", "Layer"), ("optimizers", "Optimizer"), ("losses", "Loss"), ("metrics", "Metric"),
        ("initializers", "Initializer"), ("regularizers", "Regularizer"), ("constraints", "Constraint"),
        ("schedules", "LearningRateSchedule"), ("callbacks", "Callback"),
    ],
)  # fmt: skip
def test_namespace_has_its_base_class(kind, name):
    assert getattr(getattr(corekit, kind), name) is getattr(corekit, name)


@pytest.mark.parametrize("kind", KINDS)
def test_pythons_probes_find_nothing(kind):
    assert not hasattr(getattr(corekit, kind), "__wrapped__")


# Keras's spellings


def test_models_have_keras_place_too():
    assert corekit.models.Model is corekit.Model
    assert corekit.models.Sequential is corekit.Sequential
    assert corekit.models.load_model is corekit.load_model is corekit.saving.load_model


def test_experimental_optimizers_are_the_optimizers():
    assert corekit.optimizers.experimental is corekit.optimizers


def test_schedules_are_where_keras_has_them():
    assert corekit.optimizers.schedules is corekit.schedules


def test_experimental_optimizers_are_importable():
    code = "import corekit.optimizers.experimental as room, corekit\nprint(room is corekit.optimizers)"

    assert run(code) == "True"


def test_history_is_among_the_callbacks():
    assert corekit.callbacks.History is importlib.import_module("corekit.training.history").History


def test_saving_is_lazy():
    loaded = run("import corekit.saving, sys\nprint('torch' in sys.modules)")

    assert loaded == "False"


def test_saving_has_no_other_names():
    with pytest.raises(AttributeError, match="no attribute 'pickle'"):
        _ = corekit.saving.pickle

import pytest

import corekit as ck
from corekit.errors import BrokenPluginError, UnknownNameError
from corekit.registry import registry, shown
from corekit.registry.namespace import fetch, namespace


@pytest.fixture
def norms(site):
    site.install(
        "corekit-norms",
        {"layers": {"Norm": "norms:Norm", "norm_alias": "norms:Norm", "Broken": "broken_norms:Broken"}},
        norms="class Norm: pass",
        broken_norms="import einops_that_is_missing",
    )


def test_attribute_is_the_component(norms):
    getattr_, _ = namespace("layers")

    assert getattr_("Norm").__name__ == "Norm"
    assert getattr_("norm_alias") is getattr_("Norm")


def test_attribute_names_are_exact(norms):
    getattr_, _ = namespace("layers")

    with pytest.raises(UnknownNameError, match='Did you mean "Norm"'):
        getattr_("norm")


def test_unknown_attribute_is_an_attribute_error(norms):
    getattr_, _ = namespace("layers")

    with pytest.raises(AttributeError):
        getattr_("Nothing")


def test_broken_attribute_is_no_attribute_error(norms):
    getattr_, _ = namespace("layers")

    with pytest.raises(BrokenPluginError, match="einops_that_is_missing"):
        getattr_("Broken")


def test_underscored_probes_never_scan(monkeypatch):
    def scan():
        raise AssertionError("scanned")

    registry.refresh()
    monkeypatch.setattr(registry, "_scan", scan)
    getattr_, _ = namespace("layers")

    for name in ("__path__", "__wrapped__", "_private"):
        with pytest.raises(AttributeError, match=name):
            getattr_(name)


def test_own_names_never_scan(monkeypatch):
    def scan():
        raise AssertionError("scanned")

    registry.refresh()
    monkeypatch.setattr(registry, "_scan", scan)
    getattr_, _ = namespace("layers", own={"Path": "pathlib:Path"})

    assert getattr_("Path").__name__ == "Path"


def test_adapt_sees_value_and_name(norms):
    getattr_, _ = namespace("layers", adapt="builtins:divmod")

    with pytest.raises(TypeError, match="divmod"):  # divmod(Norm, "Norm"): it was called with both
        getattr_("Norm")


def test_getter_becomes_get(norms):
    getattr_, dir_ = namespace("layers", getter="operator:add")

    assert getattr_("get")("!") == "layers!"
    assert "get" in dir_()


def test_dir_lists_names_without_clashes(norms, site):
    site.install("corekit-a", {"layers": {"Clash": "a:Clash"}})
    site.install("corekit-b", {"layers": {"Clash": "b:Clash"}})
    registry.refresh()
    _, dir_ = namespace("layers", own={"Layer": "x:Layer"})

    assert dir_() == ["Broken", "Layer", "Norm", "norm_alias"]


def test_fetch_returns_attribute_or_module():
    import pathlib

    assert fetch("pathlib:Path") is pathlib.Path
    assert fetch("pathlib") is pathlib


@pytest.fixture
def showing(monkeypatch):
    """A process in which no `with` statement has changed the policy yet."""
    registry.refresh()
    monkeypatch.setattr(shown, "_is_open", True)


def test_second_look_up_finds_the_component_in_the_module(showing):
    found = ck.layers.Dense

    assert vars(ck.layers)["Dense"] is found


def test_what_is_shown_is_withdrawn_by_a_policy(showing):
    assert ck.layers.Dense

    with ck.plugins(disable=["corekit-layers-basic:Dense"]):
        assert not hasattr(ck.layers, "Dense")
    assert ck.layers.Dense
    assert "Dense" not in vars(ck.layers), "another thread may be forbidden it"


def test_what_is_shown_is_withdrawn_when_a_name_may_mean_something_else(showing):
    assert ck.layers.Dense

    registry.add_local("layers", "Mine", type("Mine", (), {}))
    assert "Dense" not in vars(ck.layers)


def test_view_of_a_kind_that_is_not_the_module_shows_nothing_in_it(showing):
    getattr_, _ = namespace("layers")

    assert getattr_("Dense") is ck.layers.Dense
    registry.refresh()
    getattr_("Dense")
    assert "Dense" not in vars(ck.layers)

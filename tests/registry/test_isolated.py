"""The fixture that plugin authors test with: nothing gets in, and nothing leaks out."""

import pytest

import corekit as ck
from corekit.registry import registry


def test_nothing_leaks_out(site):
    registry.add_local("layers", "Mine", type("Mine", (), {}))
    with registry.isolated():
        registry.add_local("layers", "Inner", type("Inner", (), {}))
        assert registry.names("layers") == ["Inner"]

    assert registry.names("layers") == ["Mine"]


def test_nothing_leaks_out_of_a_test_that_fails(site):
    def fail():
        with registry.isolated():
            registry.add_local("layers", "Inner", type("Inner", (), {}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert registry.names("layers") == []


def test_decisions_of_variables_do_not_get_in(isolated_registry, monkeypatch):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-layers-basic")

    assert isolated_registry.find("layers", "Dense").id == "corekit-layers-basic:Dense"
    with ck.plugins(disable=["corekit-layers-basic"]):
        assert not hasattr(ck.layers, "Dense")

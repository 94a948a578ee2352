import ast

import pytest

from corekit.cli.stub_text import OWN, reserved, stub
from corekit.registry import KINDS


def test_every_kind_has_a_stub():
    assert set(OWN) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stub_is_python(kind):
    ast.parse(stub(kind, {"a": "m.n:a"}, note="# note", comments=["left out"]))


def test_names_are_exported_under_their_own_names():
    text = stub("ops", {"b": "m:b", "a": "m.n:a"}, note="# note", comments=["left out: c"])

    assert text == (
        "# note\n"
        "from typing import Any\n"
        "\n"
        "from m import b as b\n"
        "from m.n import a as a\n"
        "\n"
        "# left out: c\n"
        "def __getattr__(name: str) -> Any: ...  # what other distributions bring\n"
    )


def test_an_alias_is_an_assignment():
    text = stub("losses", {"mse": "m:mean_squared_error", "mean_squared_error": "m:mean_squared_error"}, note="#")

    assert "from m import mean_squared_error as mean_squared_error\n" in text
    assert "\nmse = mean_squared_error\n" in text


def test_an_attributes_name_is_no_name_of_the_namespace():
    """Both attributes are called Norm; the first is no component's name, and the second is."""
    text = stub("layers", {"Old": "a:Norm", "Norm": "b:Norm"}, note="#")

    assert "from a import Norm as _Old\n" in text
    assert "from b import Norm as Norm\n" in text
    assert "\nOld = _Old\n" in text


def test_reserved_names_are_those_that_a_stub_has_itself():
    assert reserved("optimizers") == {"optimizers", "schedules", "Optimizer", "experimental", "get", "Any"}
    assert reserved("ops") == {"Any"}

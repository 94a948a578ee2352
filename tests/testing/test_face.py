"""The face of the kit, as Python and as type checkers see it."""

import ast
from pathlib import Path

import corekit.testing


def test_type_checkers_see_the_same_names() -> None:
    stub = ast.parse(Path(corekit.testing.__file__).with_suffix(".pyi").read_text())

    seen = [alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(map(str, seen)) == sorted(corekit.testing.__all__)


def test_every_name_is_there() -> None:
    for name in corekit.testing.__all__:
        assert getattr(corekit.testing, name) is not None

"""`corekit stubs`, which reads what is installed, knows of the standard plugins all that `make stubs` wrote."""

from pathlib import Path

import pytest

import corekit
from corekit.cli.stubs import texts
from corekit.registry import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_standard_components_are_in_every_users_stubs(kind: str) -> None:
    shipped = Path(corekit.__file__).with_name(f"{kind}.pyi").read_text().splitlines()[1:]

    files, _ = texts()

    assert set(shipped) <= set(files[f"{kind}.pyi"].splitlines())

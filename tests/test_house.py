"""The distributions agree with each other, and each has what a distribution needs."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

import corekit

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]  # type: ignore[no-any-return]


def test_every_distribution_has_one_version() -> None:
    assert {project(folder)["version"] for folder in [ROOT, *PLUGINS]} == {corekit.__version__}


def test_standard_is_every_plugin() -> None:
    extra = project(ROOT)["optional-dependencies"]["standard"]

    assert sorted(line.partition("~=")[0] for line in extra) == sorted(project(folder)["name"] for folder in PLUGINS)


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_has_one_name_in_three_spellings(folder: Path) -> None:
    assert project(folder)["name"] == f"corekit-{folder.name.replace('_', '-')}"
    assert (folder / f"corekit_{folder.name}" / "py.typed").exists()


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_has_readme_and_tests(folder: Path) -> None:
    assert "pip install" in (folder / "README.md").read_text()
    assert list((folder / "tests").glob("test_*.py"))


def test_pinned_packages_stand_in_no_requirement() -> None:
    """Exact versions are for `make`; a distribution that pinned one would fight with the user's environment."""
    requirements = [line for folder in [ROOT, *PLUGINS] for line in project(folder)["dependencies"]]

    assert not [line for line in requirements if "==" in line]

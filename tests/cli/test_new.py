import re
import tomllib

import pytest
from click.testing import CliRunner

from corekit.cli import group


@pytest.fixture
def new(tmp_path):
    return lambda *words: CliRunner().invoke(group, ["new", *words, "--path", str(tmp_path)])


def test_new_layer_makes_a_package(new, tmp_path):
    result = new("layer", "my-plugin")

    assert result.exit_code == 0
    made = tmp_path / "my-plugin"
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == [
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/my_plugin/__init__.py",
        "src/my_plugin/my_plugin.py",
        "src/my_plugin/py.typed",
        "tests/test_my_plugin.py",
    ]


def test_new_prints_the_next_three_commands(new, tmp_path):
    output = new("layer", "my-plugin").stdout

    assert output.endswith(
        f'Next:\n  cd {tmp_path / "my-plugin"}\n  python -m pip install --editable ".[test]"\n  python -m pytest\n'
    )


def test_new_plugins_metadata_is_whole(new, tmp_path):
    new("layer", "corekit-einops")

    data = tomllib.loads((tmp_path / "corekit-einops" / "pyproject.toml").read_text())

    assert data["project"]["name"] == "corekit-einops"
    assert "corekit>=0.1,<1" in data["project"]["dependencies"]
    assert data["project"]["entry-points"] == {"corekit.layers": {"Einops": "corekit_einops.einops:Einops"}}


def test_new_leaves_no_placeholder(new, tmp_path):
    new("layer", "my-plugin")

    for path in (tmp_path / "my-plugin").rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert not re.search(r"\{\{|\}\}|\.template", path.name + text), path


def test_new_compiles_as_python(new, tmp_path):
    new("layer", "my-plugin")

    for path in (tmp_path / "my-plugin").rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_new_never_overwrites(new, tmp_path):
    new("layer", "my-plugin")
    readme = tmp_path / "my-plugin" / "README.md"
    readme.write_text("mine")

    result = new("layer", "my-plugin")

    assert result.exit_code == 1
    assert "is there already, and nothing was changed in it" in result.stderr
    assert readme.read_text() == "mine"


def test_bad_name_is_a_usage_error(new, tmp_path):
    result = new("layer", "my plugin")

    assert result.exit_code == 2
    assert '"my plugin" cannot be the name of a plugin' in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_kind_is_a_usage_error(new):
    assert new("lair", "my-plugin").exit_code == 2


def test_missing_path_is_a_usage_error():
    result = CliRunner().invoke(group, ["new", "layer", "my-plugin", "--path", "no/such/folder"])

    assert result.exit_code == 2
    assert "no/such/folder" in result.stderr

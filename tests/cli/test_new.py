import json
import tomllib

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.cli.names import KINDS


@pytest.fixture
def new(tmp_path):
    return lambda *words: CliRunner().invoke(group, ["new", *words, "--path", str(tmp_path)])


def test_new_layer_makes_a_package(new, tmp_path):
    result = new("layer", "my-plugin")

    assert result.exit_code == 0
    made = tmp_path / "my-plugin"
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == [
        ".corekit-template.json",
        ".github/workflows/release.yml",
        ".github/workflows/test.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/my_plugin/__init__.py",
        "src/my_plugin/my_plugin.py",
        "src/my_plugin/py.typed",
        "tests/test_contract.py",
        "tests/test_my_plugin.py",
    ]


def test_new_mix_makes_one_package(new, tmp_path):
    result = new(*KINDS, "my-plugin")

    assert result.exit_code == 0
    assert "the op my_plugin_op in " in result.stdout
    made = tmp_path / "my-plugin"
    assert sorted(path.name for path in (made / "src" / "my_plugin").glob("*.py")) == [
        "__init__.py",
        "hooks.py",
        "layer.py",
        "loss.py",
        "metric.py",
        "op.py",
        "op_triton.py",
        "optimizer.py",
    ]


def test_order_of_the_kinds_does_not_matter(new, tmp_path):
    one = json.loads(new("layer", "op", "my-plugin", "--dry-run", "--json").stdout)
    other = json.loads(new("op", "layer", "my-plugin", "--dry-run", "--json").stdout)

    assert one == other


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


def test_license_is_the_authors_choice(new, tmp_path):
    new("layer", "my-plugin", "--license", "mit")

    assert (tmp_path / "my-plugin" / "LICENSE").read_text().startswith("MIT License")


def test_json_tells_what_was_made(new, tmp_path):
    data = json.loads(new("layer", "hooks", "my-plugin", "--json").stdout)

    assert data["path"] == str(tmp_path / "my-plugin")
    assert data["license"] == "apache-2.0"
    assert data["parts"] == [
        {"kind": "layer", "name": "MyPluginLayer", "file": "layer"},
        {"kind": "hooks", "name": "", "file": "hooks"},
    ]
    assert all((tmp_path / "my-plugin" / path).is_file() for path in data["files"])


def test_dry_run_makes_nothing(new, tmp_path):
    result = new("layer", "my-plugin", "--dry-run")

    assert result.exit_code == 0
    assert result.stdout.startswith("Would make ")
    assert list(tmp_path.iterdir()) == []


def test_new_never_overwrites(new, tmp_path):
    new("layer", "my-plugin")
    readme = tmp_path / "my-plugin" / "README.md"
    readme.write_text("mine")

    result = new("layer", "my-plugin")

    assert result.exit_code == 1
    assert "is there already, and nothing was changed in it" in result.stderr
    assert readme.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "expected KIND... NAME"),
        (["layer"], "expected KIND... NAME"),
        (["my-plugin"], "corekit new layer my-plugin"),
        (["lair", "my-plugin"], 'there is no kind "lair"'),
        (["layer", "my-plugin", "other"], 'there is no kind "my-plugin"'),
        (["layer", "op", "layer", "my-plugin"], 'the kind "layer" stands twice'),
        (["layer", "op"], '"op" is a kind'),
        (["layer", "my plugin"], '"my plugin" cannot be the name of a plugin'),
        (["layer", "my-plugin", "--license", "beer"], "apache-2.0"),
        (["--update", "a", "b"], "--update takes one folder"),
        (["--update", "--license", "mit"], "--update takes one folder"),
    ],
)
def test_wrong_command_line_is_a_usage_error(new, tmp_path, words, told):
    result = new(*words)

    assert result.exit_code == 2
    assert told in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_missing_path_is_a_usage_error():
    result = CliRunner().invoke(group, ["new", "layer", "my-plugin", "--path", "no/such/folder"])

    assert result.exit_code == 2
    assert "no/such/folder" in result.stderr

import ast
import itertools
import re
import tomllib

import pytest

from corekit import __version__
from corekit.cli import templates
from corekit.cli.names import IN_THE_SOURCE, KINDS, plugin_names
from corekit.cli.templates import LICENSES, package, render, write
from corekit.errors import ArgumentError, CorekitError

MIXES = [list(mix) for size in range(1, len(KINDS) + 1) for mix in itertools.combinations(KINDS, size)]


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "template"
    (folder / "files" / "src" / "{{module}}").mkdir(parents=True)
    (folder / "files" / "src" / "{{module}}" / "{{file}}.py.template").write_text(
        "class {{name}}:\n    value = {1: {2: 3}}\n"
    )
    (folder / "files" / ".gitignore.template").write_text("dist/\n{{changes}}\nend\n{{tools}}\n")
    (folder / "files" / "notes.txt").write_text("not part of the template")
    (folder / "parts").mkdir()
    (folder / "parts" / "changes.template").write_text("- {{name}}\n")
    return folder


WORDS = {"module": "my_plugin", "file": "layer", "name": "MyPlugin"}


# Rendering


def test_words_are_put_into_names_and_contents(source):
    files = render([(source, WORDS)])

    assert list(files) == [".gitignore", "src/my_plugin/layer.py"]
    assert files["src/my_plugin/layer.py"] == "class MyPlugin:\n    value = {1: {2: 3}}\n"


def test_parts_are_put_together(source):
    files = render([(source, WORDS), (source, {**WORDS, "name": "Other"})])

    assert files[".gitignore"] == "dist/\n- MyPlugin\n- Other\nend\n"


def test_an_unknown_word_is_an_error(source):
    with pytest.raises(KeyError):
        render([(source, {"module": "my_plugin", "file": "layer"})])


def test_existing_folder_is_left_alone(tmp_path):
    target = tmp_path / "made"
    target.mkdir()
    (target / "precious.txt").write_text("mine")

    with pytest.raises(ArgumentError, match="is there already, and nothing was changed"):
        write({"a.txt": "a"}, target)

    assert [path.name for path in target.iterdir()] == ["precious.txt"]


def test_dangling_link_is_left_alone(tmp_path):
    (tmp_path / "made").symlink_to(tmp_path / "nowhere")

    with pytest.raises(ArgumentError, match="is there already"):
        write({"a.txt": "a"}, tmp_path / "made")


def test_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(ArgumentError, match="cannot be made: File exists"):
        write({"a": "a", "a/b": "b"}, tmp_path / "made")

    assert list(tmp_path.iterdir()) == []


def test_missing_template_says_how_to_repair(monkeypatch, tmp_path):
    monkeypatch.setattr(templates, "__file__", str(tmp_path / "corekit" / "cli" / "templates.py"))

    with pytest.raises(CorekitError, match="pip install --force-reinstall corekit"):
        package(plugin_names("my-plugin"), "mit")


# What the templates make


@pytest.mark.parametrize("kinds", MIXES, ids="-".join)
def test_every_mix_is_whole(kinds):
    files = package(plugin_names("my-plugin", kinds), "apache-2.0")

    for path, text in files.items():
        assert not re.search(r"\{\{\w+\}\}|\.template$", path + text), path
        assert "\n\n\n\n" not in text
        if path.endswith(".py"):
            ast.parse(text, path)
    data = tomllib.loads(files["pyproject.toml"])
    for group, entries in data["project"]["entry-points"].items():
        assert group.removeprefix("corekit.") in [KINDS[kind] for kind in kinds]
        for target in entries.values():
            module, _, name = target.partition(":")
            source = files[f"src/{module.replace('.', '/')}.py"]
            defined = {node.name for node in ast.parse(source).body if hasattr(node, "name")}
            assert name in defined or group == "corekit.hooks"
    assert len(data["project"]["entry-points"]) == len(kinds)
    assert ("tests/test_contract.py" in files) == (kinds != ["hooks"])


def test_there_are_63_mixes():
    assert len(MIXES) == 63


@pytest.mark.parametrize("license", LICENSES)
def test_license_is_in_the_file_and_in_the_metadata(license):
    files = package(plugin_names("my-plugin"), license)
    project = tomllib.loads(files["pyproject.toml"])["project"]

    assert project.get("license", "none").lower() == license
    assert ("LICENSE" in files) == (project.get("license-files") == ["LICENSE"]) == (license != "none")


def test_licenses_are_those_that_there_are():
    assert sorted(path.name for path in (templates.templates() / "licenses").iterdir()) == sorted(LICENSES)


def test_lowest_corekit_is_the_one_that_renders():
    files = package(plugin_names("my-plugin"), "mit")
    lowest = ".".join(__version__.split(".")[:2])

    assert f"corekit>={lowest},<" in files["pyproject.toml"]
    assert f"corekit=={lowest}" in files[".github/workflows/test.yml"]


def test_contract_test_is_five_lines():
    text = package(plugin_names("my-plugin"), "mit")["tests/test_contract.py"]

    code = [line for line in text.splitlines() if line and not line.startswith('"""')]
    assert len(code) == 5
    assert '@parametrize_with_checks("my-plugin")' in code


def test_no_name_of_a_part_hides_one_that_its_file_uses():
    names = plugin_names("my-plugin", list(KINDS))
    files = package(names, "mit")
    used = set()
    for part in names.parts:
        if part.name:
            for path in (f"src/my_plugin/{part.file}.py", f"tests/test_{part.file}.py"):
                used |= {name for name in bound(files[path]) if not name.startswith(("_", part.name))}

    assert used <= IN_THE_SOURCE
    assert IN_THE_SOURCE - used == set()


def bound(text):
    """Return the names that a module's import lines and assignments give to something."""
    for node in ast.parse(text).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            if isinstance(target, ast.Name):
                yield target.id

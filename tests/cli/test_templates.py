import pytest

from corekit.cli.templates import render, template
from corekit.errors import ArgumentError, CorekitError


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "template"
    (folder / "src" / "{{module}}").mkdir(parents=True)
    (folder / "src" / "{{module}}" / "{{file}}.py.template").write_text(
        "class {{class_name}}:\n    value = {1: {2: 3}}\n"
    )
    (folder / ".gitignore.template").write_text("dist/\n")
    (folder / "notes.txt").write_text("not part of the template")
    return folder


WORDS = {"module": "my_plugin", "file": "layer", "class_name": "MyPlugin"}


def test_words_are_put_into_names_and_contents(source, tmp_path):
    files = render(source, tmp_path / "made", WORDS)

    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "made/.gitignore",
        "made/src/my_plugin/layer.py",
    ]
    assert files[1].read_text() == "class MyPlugin:\n    value = {1: {2: 3}}\n"


def test_existing_folder_is_left_alone(source, tmp_path):
    target = tmp_path / "made"
    target.mkdir()
    (target / "precious.txt").write_text("mine")

    with pytest.raises(ArgumentError, match="is there already, and nothing was changed"):
        render(source, target, WORDS)

    assert [path.name for path in target.iterdir()] == ["precious.txt"]


def test_failure_leaves_nothing_behind(source, tmp_path):
    before = sorted(tmp_path.iterdir())

    with pytest.raises(KeyError):
        render(source, tmp_path / "made", {"module": "my_plugin", "file": "layer"})

    assert sorted(tmp_path.iterdir()) == before


def test_template_of_a_checkout_is_found():
    assert (template("layer") / "pyproject.toml.template").is_file()


def test_missing_template_says_how_to_repair():
    with pytest.raises(CorekitError, match="pip install --force-reinstall corekit"):
        template("no-such-kind")

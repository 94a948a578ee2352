import json

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.registry import registry

TEXT = """\
[tool.corekit]
disable = [
  "Corekit_A",  # slow
  "corekit-a:Other",
  "corekit-gone",
]
allow = ["corekit-a"]
"""


@pytest.fixture
def project(site, tmp_path, monkeypatch):
    """A project that switches things off; one of them is not installed any more."""
    site.install("corekit-a", {"layers": {"Norm": "a_norms:Norm", "Other": "a_norms:Other"}}, a_norms="class Norm: ...")
    path = tmp_path / "pyproject.toml"
    path.write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(group, ["enable", *words])


def test_enable_takes_a_name_out(project, run):
    result = run("corekit-a", "corekit-gone")

    assert result.exit_code == 1  # what is gone is allowed by no list
    assert f"corekit-a is switched on again in {project}.\n" in result.stdout
    assert project.read_text() == '[tool.corekit]\ndisable = [\n  "corekit-a:Other",\n]\nallow = ["corekit-a"]\n'
    registry.refresh()
    assert registry.get("layers", "Norm").__name__ == "Norm"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", ["", '[project]\nname = "x"\n', "[tool.corekit]\nprefer = []\n\n[tool.z]"])
def test_enable_after_disable_restores_the_file(project, run, text, end):
    before = text.replace("\n", end).encode()
    project.write_bytes(before)

    CliRunner().invoke(group, ["disable", "corekit-a:Norm", "corekit-a"])
    between = project.read_bytes()
    result = run("corekit-a", "corekit-a:Norm")

    assert result.exit_code == 0
    assert between != before
    assert project.read_bytes() == before


def test_what_is_not_installed_any_more_can_be_enabled(project, run):
    project.write_text('[tool.corekit]\ndisable = ["corekit-gone"]\nprefer = ["corekit-a"]\n')

    result = run("corekit-gone")

    assert result.exit_code == 0
    assert project.read_text() == '[tool.corekit]\nprefer = ["corekit-a"]\n'


def test_a_variable_that_still_disables_is_named(project, run, monkeypatch):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-a")

    result = run("corekit-a")

    assert result.exit_code == 1
    assert result.stdout == (
        f"corekit-a was taken out of {project}, and is still switched off: COREKIT_DISABLE disables it.\n"
    )


def test_another_file_that_disables_is_named(project, run, tmp_path, monkeypatch):
    own = tmp_path / "config.toml"
    own.write_text('disable = ["corekit-a"]')
    monkeypatch.setenv("COREKIT_CONFIG", str(own))
    project.write_text("")

    result = run("corekit-a")

    assert result.exit_code == 1
    assert f"is not in the list of {project}, and is switched off: {own} disables it." in result.stdout
    assert run("corekit-a", "--user").exit_code == 0
    assert own.read_text() == ""


def test_a_component_of_what_is_disabled_stays_off(project, run):
    result = run("corekit-a:Other")

    assert result.exit_code == 1
    assert f"{project} disables all of corekit-a." in result.stdout


def test_what_is_not_disabled_is_left_alone(project, run):
    project.write_text("")

    result = run("corekit-a")

    assert result.exit_code == 0
    assert result.stdout == "corekit-a is not switched off.\n"
    assert project.read_text() == ""


@pytest.mark.parametrize(("name", "near"), [("corekit-gon", "corekit-gone"), ("corekit-a:Othe", "corekit-a:Other")])
def test_a_misspelt_name_is_refused_with_a_hint(project, run, name, near):
    result = run("corekit-a", name)

    assert result.exit_code == 1
    assert f'Did you mean "{near}"?' in result.stderr
    assert project.read_text() == TEXT


def test_a_comment_that_would_be_lost_is_left_to_the_user(project, run):
    text = '[tool.corekit]\ndisable = ["corekit-a",  # slow\n  "corekit-b"]\n'
    project.write_text(text)

    result = run("corekit-b")

    assert result.exit_code == 1
    assert 'Take "corekit-b" by hand, out of the list' in result.stderr
    assert project.read_text() == text


def test_json_says_what_changed(project, run):
    assert json.loads(run("corekit-a", "--json").stdout) == {
        "file": str(project),
        "names": [{"name": "corekit-a", "changed": True, "refusal": None}],
    }

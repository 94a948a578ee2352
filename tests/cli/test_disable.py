import json
import os
import stat
import sys

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.errors import DisabledPluginError
from corekit.registry import registry

PROJECT = '# top\n[project]\nname = "x"  # odd   spacing\n'


@pytest.fixture
def project(site, tmp_path, monkeypatch):
    """A project's pyproject.toml, with the working directory below it; two plugins are installed."""
    site.install("corekit-a", {"layers": {"Norm": "a_norms:Norm", "Other": "a_norms:Other"}})
    site.install("corekit-b", {"hooks": {"main": "b_hooks"}})
    path = tmp_path / "pyproject.toml"
    path.write_bytes(PROJECT.encode())
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    return path


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(group, ["disable", *words])


def test_disable_switches_off_and_keeps_the_file(project, run):
    result = run("Corekit_A")

    assert result.exit_code == 0
    assert result.stdout == f"corekit-a is now switched off in {project}.\n"
    assert project.read_text() == f'{PROJECT}\n[tool.corekit]\ndisable = ["corekit-a"]\n'
    registry.refresh()
    with pytest.raises(DisabledPluginError):
        registry.get("layers", "Norm")
    assert "a_norms" not in sys.modules


def test_disable_takes_several_names_and_ids(project, run):
    run("corekit-a:Norm", "corekit-b", "corekit-b:Late", "corekit-b")

    assert 'disable = ["corekit-a:Norm", "corekit-b", "corekit-b:Late"]' in project.read_text()


def test_a_standard_distribution_can_be_disabled(project, run):
    assert run("corekit-layers-basic", "corekit-layers-basic:Dense").exit_code == 0


def test_disabling_twice_changes_nothing(project, run):
    project.write_text('[tool.corekit]\ndisable = ["Corekit.A"]')

    result = run("corekit-a")

    assert result.exit_code == 0
    assert result.stdout == f"corekit-a is already switched off in {project}.\n"
    assert project.read_text() == '[tool.corekit]\ndisable = ["Corekit.A"]'


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("corekit-aa", 'Did you mean "corekit-a"?'),
        ("norm", 'Did you mean "corekit-a:Norm"?'),
        ("corekit-a:norm", 'Did you mean "corekit-a:Norm"?'),
        ("zzz", "`corekit list` shows what is installed."),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(project, run, name, hint):
    result = run("corekit-b", name)

    assert result.exit_code == 1
    assert f'no distribution or id is called "{name}".' in result.stderr
    assert hint in result.stderr
    assert project.read_text() == PROJECT


def test_line_ends_and_permissions_are_kept(project, run):
    project.write_bytes(PROJECT.replace("\n", "\r\n").encode())
    project.chmod(0o640)

    run("corekit-a")

    assert project.read_bytes().count(b"\n") == project.read_bytes().count(b"\r\n") == 6
    assert stat.S_IMODE(project.stat().st_mode) == 0o640
    assert sorted(os.listdir(project.parent)) == ["deep", "pyproject.toml", "site"]


def test_a_form_that_is_not_known_is_left_alone(project, run):
    text = 'tool.corekit.disable = ["corekit-b"]\n'
    project.write_text(text)

    result = run("corekit-a")

    assert result.exit_code == 1
    assert f"{project} was not changed" in result.stderr
    assert 'Add "corekit-a" by hand, to the list  disable = [...]  of [tool.corekit].' in result.stderr
    assert project.read_text() == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.corekit]\nx =", "cannot be read"),
        ("[tool.corekit]\ndisable = 'x'", "expected a list of names"),
        ("[tool.corekit]\ndisable = [1]", "expected a list of names"),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(project, run, text, words):
    project.write_text(text)

    result = run("corekit-a")

    assert result.exit_code == 1
    assert str(project) in result.stderr
    assert words in result.stderr
    assert project.read_text() == text


def test_without_a_project_the_other_way_is_named(project, run, monkeypatch):
    monkeypatch.setattr("corekit.registry.policy.project_file", lambda: "")

    result = run("corekit-a")

    assert result.exit_code == 1
    assert "there is no pyproject.toml" in result.stderr
    assert "--user" in result.stderr


def test_user_makes_the_users_own_file(project, run, tmp_path, monkeypatch):
    own = tmp_path / "new" / "config.toml"
    monkeypatch.setenv("COREKIT_CONFIG", str(own))

    assert run("corekit-a", "--user").exit_code == 0
    assert own.read_text() == 'disable = ["corekit-a"]\n'
    assert project.read_text() == PROJECT


def test_json_says_what_changed(project, run):
    run("corekit-b")

    assert json.loads(run("corekit-a", "corekit-b", "--json").stdout) == {
        "file": str(project),
        "names": [{"name": "corekit-a", "changed": True}, {"name": "corekit-b", "changed": False}],
    }


def test_a_name_is_needed(run):
    assert run().exit_code == 2

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import corekit
from corekit import cli
from corekit.cli import COMMANDS, group


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(group, words, prog_name="corekit")


def test_version_is_the_packages(run):
    result = run("--version")

    assert result.output == f"corekit, version {corekit.__version__}\n"
    assert result.exit_code == 0


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_help_shows_an_example(run, command):
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Example: corekit " in result.output


def test_help_documents_the_exit_codes(run):
    assert "Exit codes: 0 it is done; 1 what was asked for is not there" in run("--help").output


def test_help_lists_the_commands(run):
    output = run("--help").output

    assert [name for name in COMMANDS if f"\n  {name} " not in output] == []


@pytest.mark.parametrize("words", [["frob"], ["info"], ["list", "--kind", "layer"]])
def test_wrong_command_line_exits_with_2(run, words):
    assert run(*words).exit_code == 2


def test_corekit_errors_have_no_traceback(site):
    result = CliRunner().invoke(group, ["info", "Nothing"])

    assert result.exit_code == 1
    assert result.stderr.startswith('Error: UnknownNameError: nothing installed is called "Nothing".')
    assert "Traceback" not in result.output


def test_other_errors_keep_their_traceback(monkeypatch):
    broken = click.Command("broken", callback=lambda: 1 / 0)
    monkeypatch.setattr(group, "get_command", lambda ctx, name: broken)

    assert isinstance(CliRunner().invoke(group, ["broken"]).exception, ZeroDivisionError)


def test_main_is_the_entry_point(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["corekit", "--version"])

    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0


def test_python_m_corekit_is_the_command():
    run = subprocess.run([sys.executable, "-m", "corekit", "--version"], capture_output=True, text=True)

    assert run.stdout == f"corekit, version {corekit.__version__}\n"

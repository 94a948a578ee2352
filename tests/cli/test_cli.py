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


COMMAND = """
    import click, corekit

    @click.command("prune")
    def {function}():
        click.echo("pruned by {function}")

    @corekit.hookimpl
    def add_commands(add):
        add({function})
"""


def test_plugin_adds_a_command(site, run):
    site.install("corekit-prune", {"hooks": {"main": "pruning"}}, pruning=COMMAND.format(function="prune"))

    assert run("prune").output == "pruned by prune\n"


def test_help_names_who_may_add_commands_and_imports_nobody(site, run):
    site.install("corekit-prune", {"hooks": {"main": "pruning"}}, pruning="raise SystemExit(3)")

    output = run("--help").output

    assert "May add commands (not loaded): corekit-prune." in output
    assert "pruning" not in sys.modules


def test_command_of_two_plugins_is_nobodys(site, run):
    for name in ("one", "two"):
        module = f"pruning_{name}"
        site.install(f"prune-{name}", {"hooks": {"main": module}}, **{module: COMMAND.format(function=name)})

    result = run("prune")

    assert result.exit_code == 1
    assert '2 plugins have a command "prune": pruning_one and pruning_two' in result.stderr


def test_own_commands_are_never_replaced(site, run):
    source = COMMAND.format(function="own").replace('"prune"', '"list"')
    site.install("corekit-prune", {"hooks": {"main": "pruning"}}, pruning=source)

    assert "pruned" not in run("list").output


def test_what_is_no_command_is_told(site, run):
    source = "import corekit\n@corekit.hookimpl\ndef add_commands(add):\n    add('prune')\n"
    site.install("corekit-prune", {"hooks": {"main": "pruning"}}, pruning=source)

    with pytest.warns(RuntimeWarning, match="expected a click.Command with a name"):
        assert run("prune").exit_code == 2

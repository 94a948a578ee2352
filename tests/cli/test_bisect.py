import json
import shlex
import sys

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.registry import policy

LETTERS = "abcdefgh"
SCRIPT = """
import os, sys, time
off = os.environ["COREKIT_DISABLE"].split(",")
with open({log!r}, "a") as log:
    print(*off, file=log)
if any(all(f"corekit-{{one}}" not in off for one in group) for group in {groups!r}):
    {failure}
"""


@pytest.fixture
def run(site, tmp_path):
    for letter in LETTERS:
        site.install(f"corekit-{letter}", {"layers": {f"Layer{letter}": f"nowhere_{letter}:Layer"}})
    return lambda *words: CliRunner().invoke(group, ["bisect", *words])


@pytest.fixture
def command(tmp_path):
    """A script that fails while all plugins of one of the groups are on."""

    def write(*groups, failure="sys.exit(3)"):
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(log=str(tmp_path / "log"), groups=groups, failure=failure))
        return shlex.join([sys.executable, "-I", "-S", str(script)])

    return write


def found(result):
    return json.loads(result.stdout)["culprits"]


def test_one_culprit_is_told_with_the_lines_that_switch_it_off(run, command):
    result = run("--run", command("c"))

    assert result.exit_code == 0
    assert result.stdout == (
        "corekit-c makes it fail.\n"
        "\n"
        "With corekit-c off, it succeeds:\n"
        "  COREKIT_DISABLE=corekit-c\n"
        "or, under [tool.corekit] in pyproject.toml:\n"
        '  disable = ["corekit-c"]\n'
    )
    assert result.stderr.startswith("run 1: 0 of 8 off: failed (exit code 3)\nrun 2: 8 of 8 off: ok\n")


def test_two_culprits_are_both_found(run, command):
    result = run("--run", command("b", "g"), "--json")

    assert sorted(found(result)) == [["corekit-b"], ["corekit-g"]]
    assert sorted(json.loads(result.stdout)["disable"]) == ["corekit-b", "corekit-g"]


def test_two_that_fail_only_together_are_one_group(run, command):
    result = run("--run", command("bg"))

    assert "corekit-b and corekit-g make it fail together (one off is enough).\n" in result.stdout
    assert "  COREKIT_DISABLE=corekit-b\n" in result.stdout


def test_no_run_is_made_twice(run, command, tmp_path):
    result = run("--run", command("b", "dg"), "--json")

    runs = (tmp_path / "log").read_text().splitlines()
    assert len(runs) == len(set(runs)) == json.loads(result.stdout)["runs"]


def test_success_with_all_on_is_no_search(run, command):
    result = run("--run", command())

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "run 1: 0 of 8 off: ok\nNo culprit: the command succeeds with all plugins on." in result.stderr


def test_failure_with_all_off_is_not_theirs(run):
    result = run("--run", "exit 5", "--json")

    assert result.exit_code == 1
    assert found(result) == []
    assert "fails with these off too: corekit-a, corekit-b" in json.loads(result.stdout)["reason"]


def test_kept_plugins_stay_on(run, command, tmp_path):
    result = run("--run", command("c"), "--keep", "Corekit_A", "--keep", "corekit-c")

    assert result.exit_code == 1
    assert "they are not the cause, or it needs one of them: --keep that one." in result.stderr
    assert "corekit-a" not in (tmp_path / "log").read_text()


def test_misspelt_keep_is_an_error(run):
    result = run("--run", "exit 1", "--keep", "corekit-aa")

    assert result.exit_code == 1
    assert 'no plugin called "corekit-aa" is installed.  Did you mean "corekit-a"?' in result.stderr
    assert "run 1" not in result.stderr


def test_standard_plugins_are_kept_unless_all(run, command, site):
    site.install("corekit-objectives", {"losses": {"MSE": "nowhere:MSE"}})
    script = command("a") + " && case $COREKIT_DISABLE in *corekit-objectives*) ;; *) exit 1;; esac"

    assert run("--run", script).exit_code == 1
    assert sorted(found(run("--run", script, "--all", "--json"))) == [["corekit-a"], ["corekit-objectives"]]


def test_nothing_to_suspect_says_so(site):
    result = CliRunner().invoke(group, ["bisect", "--run", "exit 1"])

    assert result.exit_code == 1
    assert "there is no plugin to switch off.  Give --all" in result.stderr


def test_what_is_switched_off_already_stays_off(run, command, monkeypatch, tmp_path):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-h, corekit-g:Layerg")

    result = run("--run", command("c", "h"))

    assert "corekit-c makes it fail.\n" in result.stdout
    assert "of 6 off" in result.stderr
    assert "  COREKIT_DISABLE=corekit-h,corekit-g:Layerg,corekit-c\n" in result.stdout
    assert all(line.startswith("corekit-h corekit-g:Layerg") for line in (tmp_path / "log").read_text().splitlines())


def test_plugins_with_hooks_alone_are_suspects(run, command, site):
    site.install("corekit-z", {"hooks": {"main": "nowhere_z"}})

    assert found(run("--run", command("z"), "--json")) == [["corekit-z"]]


@pytest.mark.slow
def test_a_hang_is_a_failure(run, command):
    result = run("--run", command("d", failure="time.sleep(60)"), "--timeout", "1", "--json")

    assert found(result) == [["corekit-d"]]
    assert "run 1: 0 of 8 off: failed (no end in 1 s)" in result.stderr


def test_environment_is_left_as_it_was(run, command, monkeypatch):
    before = policy.declared()

    run("--run", command("a"))

    assert policy.declared() == before


@pytest.mark.parametrize(
    "words", [[], ["--run"], ["--run", "x", "--timeout", "0"], ["--run", "x", "--timeout", "soon"]]
)
def test_wrong_command_line_exits_with_2(run, words):
    assert run(*words).exit_code == 2


def test_a_real_plugin_is_found_without_importing_it_here(site, tmp_path, monkeypatch):
    for letter in "abc":
        site.install(f"corekit-{letter}", {"hooks": {"main": f"bisected_{letter}"}}, **{f"bisected_{letter}": ""})
    (tmp_path / "site" / "bisected_b.py").write_text("import os; os._exit(9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    code = "from corekit.registry import registry; registry.kinds_of('unknown')"

    result = CliRunner().invoke(
        group, ["bisect", "--run", shlex.join([sys.executable, "-c", code]), "--json"], catch_exceptions=False
    )

    assert found(result) == [["corekit-b"]]
    assert "bisected_b" not in sys.modules

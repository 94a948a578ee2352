import json
import sys

import pytest
from click.testing import CliRunner

from corekit.cli import group, timings
from corekit.cli.import_cost import Cost

COSTS = {
    "quick:Layer": Cost(1.25, 2, 0.5),
    "heavy:Layer": Cost(812.5, 140, None),
    "heavy:loss": Cost(3.0, 1, 0.0),
    "broken:Layer": Cost(error="ImportError: no [red] paint"),
}


@pytest.fixture
def asked(monkeypatch):
    """What was measured: targets, repeat and timeout of each."""
    calls = []

    def measured(targets, *, repeat, timeout):
        calls.append((targets, repeat, timeout))
        return COSTS[targets[0]]

    monkeypatch.setattr(timings, "import_cost", measured)
    return calls


@pytest.fixture
def run(site, asked):
    site.install("corekit-quick", {"layers": {"Quick": "quick:Layer", "quick_one": "quick:Layer"}}, version="1.2")
    site.install("corekit-heavy", {"layers": {"Heavy": "heavy:Layer"}, "losses": {"heavy": "heavy:loss"}})
    return lambda *words: CliRunner().invoke(group, ["timings", *words])


def rows(result):
    return json.loads(result.stdout)


def test_the_slowest_comes_first(run):
    result = run()

    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["distribution", "version", "ms", "modules", "MB", "status"],
        ["corekit-heavy", "1.0", "812.5", "140", "-", "ok"],
        ["corekit-quick", "1.2", "1.2", "2", "0.5", "ok"],
    ]


def test_each_plugin_is_measured_as_a_whole(run, asked):
    run("--repeat", "5", "--timeout", "9")

    assert asked == [(["heavy:Layer", "heavy:loss"], 5, 9.0), (["quick:Layer"], 5, 9.0)]


def test_only_named_plugins_are_measured(run):
    assert [row["distribution"] for row in rows(run("Corekit_Quick", "--json"))] == ["corekit-quick"]


def test_only_one_kind_is_measured(run, asked):
    run("--kind", "losses")

    assert [targets for targets, _, _ in asked] == [["heavy:loss"]]


def test_json_has_every_number(run):
    assert rows(run("--json"))[1] == {
        "distribution": "corekit-quick",
        "version": "1.2",
        "status": "ok",
        "ms": 1.25,
        "modules": 2,
        "megabytes": 0.5,
        "error": "",
    }


def test_a_broken_plugin_is_a_row_and_exit_code_1(run, site):
    site.install("corekit-broken", {"layers": {"Broken": "broken:Layer"}})
    site.install("corekit-lacks", {"layers": {"Lacks": "lacks:Layer"}}, head="Requires-Dist: no-such-thing>=3\n")

    result = run()

    assert result.exit_code == 1
    assert "broken: ImportError: no [red] paint" in result.stdout
    assert "broken: it needs no-such-thing" in result.stdout


def test_a_plugin_that_is_switched_off_is_not_imported(run, asked, monkeypatch):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-quick,corekit-heavy:Heavy")

    result = run("--json")

    assert result.exit_code == 0
    assert asked == [(["heavy:loss"], 3, 60.0)]
    assert [(row["status"], row["error"]) for row in rows(result)] == [
        ("disabled", "COREKIT_DISABLE disables it"),
        ("ok", ""),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["corekit-quik"], 'no plugin called "corekit-quik" is installed.  Did you mean "corekit-quick"?'),
        (["corekit-quick", "--kind", "losses"], "corekit-quick is installed, but has no losses to import."),
    ],
)
def test_what_is_not_there_exits_with_1(run, asked, words, message):
    result = run(*words)

    assert result.exit_code == 1
    assert message in result.stderr
    assert asked == []


def test_an_empty_environment_is_no_error(site):
    result = CliRunner().invoke(group, ["timings", "--kind", "layers"])

    assert result.exit_code == 0
    assert result.stdout == "No layers are installed.\n"


@pytest.mark.parametrize("words", [["--repeat", "0"], ["--timeout", "-1"], ["--kind", "layer"]])
def test_wrong_command_line_exits_with_2(run, words):
    assert run(*words).exit_code == 2


@pytest.mark.slow
def test_plugins_are_imported_in_children_only(site):
    site.install("corekit-timed", {"layers": {"Timed": "timed:Timed"}}, timed="class Timed: ...")

    result = CliRunner().invoke(group, ["timings", "--repeat", "1", "--json"])

    (row,) = rows(result)
    assert (row["status"], row["modules"]) == ("ok", 1)
    assert "timed" not in sys.modules

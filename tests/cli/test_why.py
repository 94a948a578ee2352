import json
import sys

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.registry import policy, registry


@pytest.fixture
def run(site):
    for letter in "ab":
        site.install(f"corekit-{letter}", {"layers": {"Norm": f"{letter}:Norm", f"Only{letter}": f"{letter}:Only"}})
    return lambda *words: CliRunner().invoke(group, ["why", *words])


def story(run, name):
    (found,) = json.loads(run(name, "--json").stdout)
    return found["means"], found["reason"], [one["status"] for one in found["offered"]]


def test_a_name_of_one_plugin(run):
    result = run("only_a")

    assert result.exit_code == 0
    assert result.stdout == "layers: corekit-a:Onlya (nobody else has it)\n  ok        corekit-a:Onlya 1.0  a:Only\n"
    assert "a" not in sys.modules


def test_a_clash_shows_both_and_the_line_that_settles_it(run):
    result = run("Norm")

    assert result.exit_code == 1
    assert (
        'nothing (several plugins have it, so the id must be written, or prefer = ["corekit-a:Norm"]' in result.stdout
    )
    assert result.stdout.count("shadowed") == 2


def test_an_id(run):
    assert story(run, "Corekit_B:norm") == ("corekit-b:Norm", "an id means one component", ["shadowed"])


def test_a_preference(run):
    with policy.prefer("corekit-b"):
        assert story(run, "Norm") == ("corekit-b:Norm", "it is preferred", ["shadowed", "ok"])


def test_a_rival_that_is_switched_off(run):
    with policy.plugins(disable=["corekit-a"]):
        assert story(run, "Norm") == ("corekit-b:Norm", "what else has it is switched off", ["disabled", "ok"])
        assert "corekit.plugins(disable=...) disables it." in run("Norm").stdout
        assert story(run, "Onlya") == (None, "what has it is switched off", ["disabled"])


def test_a_standard_name(run, monkeypatch):
    monkeypatch.setattr(registry, "_owner_of", {("layers", "norm"): "corekit-a", ("layers", "far"): "corekit-far"})

    assert story(run, "Norm") == ("corekit-a:Norm", "it is a standard name of corekit-a", ["ok", "shadowed"])
    assert story(run, "Far")[1].endswith("which is not installed: pip install corekit-far")


def test_a_name_that_nobody_has(run):
    result = run("OnlyC")

    assert result.exit_code == 1
    assert 'nothing installed is called "OnlyC".  Did you mean' in result.stdout

import json

import pytest
from click.testing import CliRunner

from corekit.cli import group

NORMS = '''
    """Norms."""
    from __future__ import annotations

    class Norm:
        """Bring features to length 1,
        whatever they were.

        More words.
        """

        def __init__(self, epsilon: float = 1e-6, name: str | None = None) -> None: ...

    def sameness(x: int) -> int:
        """Return x."""
'''


@pytest.fixture
def run(site):
    site.install(
        "corekit-norms",
        {
            "layers": {"Norm": "norms:Norm", "old_norm": "norms:Norm", "Sameness": "norms:sameness"},
            "initializers": {"sameness": "norms:sameness"},
        },
        version="1.2",
        norms=NORMS,
    )
    return lambda *words: CliRunner().invoke(group, ["info", *words])


@pytest.mark.parametrize("name", ["Norm", "norm", "old_norm", "corekit-norms:Norm"])
def test_info_shows_one_component(run, name):
    result = run(name)

    assert result.exit_code == 0
    assert result.stdout == (
        "corekit-norms:Norm\n"
        "  kind          layers\n"
        "  distribution  corekit-norms 1.2\n"
        "  aliases       old_norm\n"
        "  code          norms:Norm\n"
        "  signature     Norm(epsilon: float = 1e-06, name: str | None = None)\n"
        "\n"
        "  Bring features to length 1, whatever they were.\n"
    )


def test_info_shows_every_kind_with_the_name(run):
    output = run("sameness").stdout

    assert "kind          layers" in output
    assert "kind          initializers" in output
    assert "sameness(x: int) -> int" in output


def test_info_of_one_kind(run):
    assert "layers" not in run("sameness", "--kind", "initializers").stdout


def test_info_unknown_in_one_kind(run):
    result = run("Norm", "--kind", "optimizers")

    assert result.exit_code == 1
    assert 'there is no optimizer called "Norm"' in result.stderr


def test_info_suggests_a_name(run):
    result = run("Nrom")

    assert result.exit_code == 1
    assert 'Did you mean "Norm"' in result.stderr


def test_info_of_a_clash_shows_the_ids(run, site):
    site.install("corekit-other", {"layers": {"Norm": "other:Norm"}})

    result = run("Norm")

    assert result.exit_code == 1
    assert "corekit-norms:Norm, corekit-other:Norm" in result.stderr


@pytest.mark.parametrize(
    ("source", "cause"), [("import missing_module", "No module named"), ("import sys; sys.exit(3)", "SystemExit: 3")]
)
def test_info_of_a_broken_plugin_shows_why(run, site, source, cause):
    site.install("corekit-broken", {"layers": {"Odd": "broken_odd:Odd"}}, broken_odd=source)

    result = run("Odd")

    assert result.exit_code == 1
    assert "distribution  corekit-broken 1.0" in result.stdout
    assert cause in result.stdout
    assert "pip uninstall corekit-broken" in result.stdout


def test_info_loads_hooks_for_an_unknown_name(run, site):
    source = """
        import corekit
        @corekit.hookimpl
        def register_components(register):
            register("optimizers", "Lion", object)
    """
    site.install("corekit-lion", {"hooks": {"main": "lion_hooks"}}, lion_hooks=source)

    assert "corekit-lion:Lion" in run("Lion").stdout


def test_json_is_a_list_of_facts(run):
    (facts,) = json.loads(run("Norm", "--json").stdout)

    assert facts["id"] == "corekit-norms:Norm"
    assert facts["signature"] == "Norm(epsilon: float = 1e-06, name: str | None = None)"
    assert facts["summary"] == "Bring features to length 1, whatever they were."
    assert facts["error"] is None


def test_json_of_a_broken_plugin_has_the_error(run, site):
    site.install("corekit-broken", {"layers": {"Odd": "broken_odd:Odd"}}, broken_odd="1 / 0")

    result = run("Odd", "--json")

    assert result.exit_code == 1
    assert "ZeroDivisionError" in json.loads(result.stdout)[0]["error"]


def test_info_says_who_else_has_the_name(run, site):
    site.install("corekit-others", {"layers": {"Norm": "others:Norm"}}, others="class Norm: pass")

    result = run("corekit-norms:Norm")

    assert "  also by       corekit-others:Norm\n" in result.stdout
    assert json.loads(run("corekit-norms:Norm", "--json").stdout)[0]["also_offered_by"] == ["corekit-others:Norm"]

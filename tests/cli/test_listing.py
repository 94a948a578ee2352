import json
import sys

import pytest
from click.testing import CliRunner

import corekit
from corekit.cli import group
from corekit.registry import record, registry


@pytest.fixture
def run(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm", "old_norm": "norms:Norm"}}, version="1.2")
    site.install("corekit-lion", {"optimizers": {"Lion": "lion:Lion"}, "hooks": {"main": "lion_hooks"}})
    return lambda *words: CliRunner().invoke(group, ["list", *words])


def test_list_groups_by_distribution(run):
    lines = [line.split() for line in run().stdout.splitlines()]

    assert lines[:6] == [
        ["corekit-lion", "1.0"],
        ["kind", "name", "status", "import", "tier", "aliases"],
        ["optimizers", "Lion", "ok", "-", "-"],
        ["corekit-norms", "1.2"],
        ["kind", "name", "status", "import", "tier", "aliases"],
        ["layers", "Norm", "ok", "-", "-", "old_norm"],
    ]


def test_list_of_one_kind(run):
    output = run("--kind", "layers").stdout

    assert "Norm" in output
    assert "Lion" not in output


def test_list_names_unloaded_hooks(run):
    assert "corekit-lion may add more by a hook (not loaded)." in run().stdout
    assert "lion_hooks" not in sys.modules


def test_list_shows_problems_below(run, site):
    site.install("corekit-odd", {"layer": {"Odd": "odd:Odd"}})

    result = run()

    assert result.exit_code == 0
    assert "\n1 problem:\n  corekit-odd 1.0: there is no entry-point group" in result.stdout


def test_list_is_not_fooled_by_markup(run, site):
    site.install("corekit-odd", {"layers": {"[red]Odd[/red]": "odd:Odd"}})

    assert "[red]Odd[/red]" in run().stdout


def test_empty_list_says_what_to_install(site):
    result = CliRunner().invoke(group, ["list"])

    assert result.exit_code == 0
    assert "No layers are installed." in result.stdout
    assert "No optimizers are installed." in result.stdout


def test_json_has_everything(run, site):
    site.install("corekit-odd", {"layer": {"Odd": "odd:Odd"}})

    data = json.loads(run("--json").stdout)

    assert data["components"][0] == {
        "id": "corekit-norms:Norm",
        "kind": "layers",
        "name": "Norm",
        "aliases": ["old_norm"],
        "renamed_from": [],
        "distribution": "corekit-norms",
        "version": "1.2",
        "target": "norms:Norm",
        "status": "ok",
        "import_ms": None,
        "tier": None,
    }
    assert data["may_add_more"] == ["corekit-lion"]
    assert data["problems"][0]["distribution"] == "corekit-odd"


def test_list_shows_what_is_switched_off_or_shadowed(run, site, monkeypatch):
    site.install("corekit-rival", {"layers": {"Norm": "rival:Norm", "Other": "rival:Other"}})
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-lion")
    monkeypatch.setattr(registry, "_owner_of", {("layers", "norm"): "corekit-norms"})

    status = {found["id"]: found["status"] for found in json.loads(run("--json").stdout)["components"]}

    assert status == {
        "corekit-norms:Norm": "ok",
        "corekit-rival:Norm": "shadowed",
        "corekit-rival:Other": "ok",
        "corekit-lion:Lion": "disabled",
    }
    assert "disabled" in run().stdout


def test_list_imports_no_plugin(run):
    run()
    run("--json")

    assert not {"norms", "lion", "lion_hooks"} & set(sys.modules)


def test_list_shows_the_tier_of_this_version(run):
    rows = [{"kind": "layers", "id": "corekit-norms:Norm", "tier": "lasts"}]
    for version, tier in (("1.1", None), ("1.2", "lasts")):
        record.keep_card("corekit-norms", {"version": version, "corekit": corekit.__version__, "components": rows})

        listed = {one["id"]: one["tier"] for one in json.loads(run("--json").stdout)["components"]}

        assert (listed["corekit-norms:Norm"], listed["corekit-lion:Lion"]) == (tier, None)

import json
import sys
import tomllib

import pytest
from click.testing import CliRunner

from corekit import __version__
from corekit.cli import group


@pytest.fixture
def run(site, tmp_path, monkeypatch):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="1.2", norms="class Norm: ...\n")
    site.record("corekit-norms", "norms.py", version="1.2")
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(group, ["lock", *words])


def test_lock_writes_what_is_installed(run, tmp_path):
    result = run()

    assert result.exit_code == 0
    assert result.stdout == (
        "Wrote corekit.lock (2 distributions).\n  Without a hash, since nothing lists their files: corekit.\n"
    )
    found = tomllib.loads((tmp_path / "corekit.lock").read_text())
    assert found["version"] == 1
    assert found["distribution"][0] == {"name": "corekit", "version": __version__, "sha256": ""}
    assert found["distribution"][1]["components"] == {"layers": ["corekit-norms:Norm"]}
    assert len(found["distribution"][1]["sha256"]) == 64
    assert str(tmp_path) not in (tmp_path / "corekit.lock").read_text()


def test_two_locks_of_one_environment_are_one(run, tmp_path):
    run()
    run("--output", "other.lock")

    assert (tmp_path / "corekit.lock").read_bytes() == (tmp_path / "other.lock").read_bytes()


def test_lock_imports_no_plugin(run):
    run()

    assert "norms" not in sys.modules


def test_changed_files_cannot_be_locked(run, tmp_path):
    run()
    before = (tmp_path / "corekit.lock").read_text()
    (tmp_path / "site" / "norms.py").write_text("class Morn: ...\n")

    result = run()

    assert result.exit_code == 1
    assert "corekit-norms 1.2: norms.py is not as installed." in result.stderr
    assert "pip install --force-reinstall --no-deps corekit-norms==1.2" in result.stderr
    assert (tmp_path / "corekit.lock").read_text() == before


def test_editable_installs_are_told(run, tmp_path):
    info = tmp_path / "site" / "corekit_norms-1.2.dist-info"
    (info / "direct_url.json").write_text('{"dir_info": {"editable": true}, "url": "file:///secret"}')

    assert "Editable installs, which `corekit sync` can compare but not install: corekit-norms." in run().stdout
    assert "editable = true" in (tmp_path / "corekit.lock").read_text()
    assert "secret" not in (tmp_path / "corekit.lock").read_text()


def test_json_has_what_was_written(run, tmp_path):
    data = json.loads(run("--json").stdout)

    assert data["lock"] == "corekit.lock"
    assert [one["name"] for one in data["distributions"]] == ["corekit", "corekit-norms"]
    assert data["distributions"][1]["sha256"] in (tmp_path / "corekit.lock").read_text()


def test_a_place_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "file").touch()

    result = run("--output", "file/corekit.lock")

    assert result.exit_code == 1
    assert "file/corekit.lock cannot be written" in result.stderr
    assert run("--output", "site").exit_code == 2

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from corekit.cli import group, record, templates, update
from corekit.cli.record import FILE

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git, which merges, is not installed")

LAYER = "src/my_plugin/my_plugin.py"


@pytest.fixture
def plugin(tmp_path):
    """A plugin, as it was rendered by the corekit of today."""
    assert run("layer", "my-plugin", "--path", str(tmp_path)).exit_code == 0
    return tmp_path / "my-plugin"


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Templates that can be changed, of a corekit 9.9."""
    copy = tmp_path / "templates"
    shutil.copytree(templates.templates(), copy)
    monkeypatch.setattr(templates, "templates", lambda: copy)
    for module in (record, templates, update):
        monkeypatch.setattr(module, "__version__", "9.9.0")
    return copy


def run(*words):
    return CliRunner().invoke(group, ["new", *words])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def template_of_the_layer(newer):
    return newer / "layer" / "files" / "src" / "{{module}}" / "{{file}}.py.template"


def test_nothing_new_changes_nothing(plugin):
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert result.exit_code == 0
    assert "has all of the template" in result.stdout
    assert everything(plugin) == before


def test_authors_edits_and_the_templates_stand_together(plugin, newer):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    edit(plugin / "pyproject.toml", 'version = "0.1.0"', 'version = "2.0.0"')
    (plugin / LAYER).write_text((plugin / LAYER).read_text() + "\n\nclass Mine(ck.Layer):\n    pass\n")
    edit(template_of_the_layer(newer), "from typing import Any\n", "from typing import Any, Final\n")

    result = run("--update", str(plugin))

    assert result.exit_code == 0
    text = (plugin / LAYER).read_text()
    assert "from typing import Any, Final" in text
    assert "epsilon: float = 1e-3" in text
    assert text.endswith("class Mine(ck.Layer):\n    pass\n")
    project = (plugin / "pyproject.toml").read_text()
    assert 'version = "2.0.0"' in project
    assert "corekit>=9.9,<10" in project
    assert f"{LAYER}: the template's changes beside yours" in result.stdout


def test_files_that_were_not_touched_follow_the_template(plugin, newer):
    edit(template_of_the_layer(newer), "torch.rsqrt", "torch.better_rsqrt")

    result = run("--update", str(plugin))

    assert "torch.better_rsqrt" in (plugin / LAYER).read_text()
    assert f"{LAYER}: as in the template" in result.stdout


def test_conflict_is_shown_and_told(plugin, newer):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    edit(template_of_the_layer(newer), "epsilon: float = 1e-6", "epsilon: float = 1e-7")

    result = run("--update", str(plugin))

    assert result.exit_code == 1
    text = (plugin / LAYER).read_text()
    for side in ("epsilon: float = 1e-3", "epsilon: float = 1e-6", "epsilon: float = 1e-7", "<<<<<<< yours\n"):
        assert side in text
    assert ">>>>>>> corekit 9.9.0\n" in text
    assert result.stdout.endswith(f"Conflicts to settle: {LAYER}\n")


def test_conflicts_must_be_settled_before_the_next_update(plugin, newer):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    edit(template_of_the_layer(newer), "epsilon: float = 1e-6", "epsilon: float = 1e-7")
    run("--update", str(plugin))
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert result.exit_code == 1
    assert f"conflicts of an earlier update in {LAYER}" in result.stderr
    assert everything(plugin) == before


def test_settled_conflict_does_not_come_back(plugin, newer):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    mine = (plugin / LAYER).read_text()
    edit(template_of_the_layer(newer), "epsilon: float = 1e-6", "epsilon: float = 1e-7")
    run("--update", str(plugin))
    (plugin / LAYER).write_text(mine)

    result = run("--update", str(plugin))

    assert result.exit_code == 0
    assert (plugin / LAYER).read_text() == mine


def test_deleted_file_stays_deleted(plugin, newer):
    (plugin / ".github" / "workflows" / "release.yml").unlink()

    result = run("--update", str(plugin))

    assert not (plugin / ".github" / "workflows" / "release.yml").exists()
    assert ".github/workflows/release.yml: you deleted it" in result.stdout


def test_new_file_of_the_template_is_added(plugin, newer):
    (newer / "common" / "files" / "docs").mkdir()
    (newer / "common" / "files" / "docs" / "index.md.template").write_text("# {{distribution}}\n")

    run("--update", str(plugin))

    assert (plugin / "docs" / "index.md").read_text() == "# my-plugin\n"


def test_new_file_of_the_template_never_replaces_the_authors(plugin, newer):
    (newer / "common" / "files" / "CITATION.cff.template").write_text("theirs\n")
    (plugin / "CITATION.cff").write_text("mine\n")

    result = run("--update", str(plugin))

    assert (plugin / "CITATION.cff").read_text() == "mine\n"
    assert "CITATION.cff: yours; the template has a file of that name now" in result.stdout


def test_file_that_left_the_template_stays(plugin, newer):
    template_of_the_layer(newer).rename(template_of_the_layer(newer).with_name("other.py.template"))
    before = (plugin / LAYER).read_bytes()

    result = run("--update", str(plugin))

    assert (plugin / LAYER).read_bytes() == before
    assert f"{LAYER}: no longer in the template; yours stays" in result.stdout


def test_files_of_the_authors_alone_are_untouched(plugin, newer):
    (plugin / "src" / "my_plugin" / "other.py").write_text("<<<<<<< mine, whatever it is\n")
    (plugin / "weights.bin").write_bytes(b"\xff\xfe\x00")

    run("--update", str(plugin))

    assert (plugin / "src" / "my_plugin" / "other.py").read_text() == "<<<<<<< mine, whatever it is\n"
    assert (plugin / "weights.bin").read_bytes() == b"\xff\xfe\x00"


def test_second_update_has_nothing_to_do(plugin, newer):
    edit(template_of_the_layer(newer), "torch.rsqrt", "torch.better_rsqrt")
    run("--update", str(plugin))
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert "has all of the template of corekit 9.9.0" in result.stdout
    assert everything(plugin) == before


def test_update_that_was_cut_off_can_be_run_again(plugin, newer, monkeypatch):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    edit(template_of_the_layer(newer), "from typing import Any\n", "from typing import Any, Final\n")
    old = (plugin / FILE).read_bytes()
    run("--update", str(plugin))
    done = everything(plugin)
    (plugin / FILE).write_bytes(old)  # it is written last

    result = run("--update", str(plugin))

    assert result.exit_code == 0
    assert everything(plugin) == done


def test_dry_run_tells_and_changes_nothing(plugin, newer):
    edit(template_of_the_layer(newer), "torch.rsqrt", "torch.better_rsqrt")
    before = everything(plugin)

    result = run("--update", str(plugin), "--dry-run")

    assert result.stdout.startswith("Would update my-plugin from corekit 0.1.0 to 9.9.0")
    assert f"{LAYER}: as in the template" in result.stdout
    assert everything(plugin) == before


def test_json_tells_what_became_of_each_file(plugin, newer):
    edit(plugin / LAYER, "epsilon: float = 1e-6", "epsilon: float = 1e-3")
    edit(template_of_the_layer(newer), "epsilon: float = 1e-6", "epsilon: float = 1e-7")

    result = run("--update", str(plugin), "--json")

    data = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (data["from"], data["to"]) == ("0.1.0", "9.9.0")
    assert {"path": LAYER, "what": "conflict"} in data["changes"]
    assert data["conflicts"] == [LAYER]


def test_update_without_a_folder_is_of_this_one(plugin, newer, monkeypatch):
    monkeypatch.chdir(plugin)

    assert run("--update").stdout.startswith("Updated my-plugin from corekit 0.1.0 to 9.9.0")


def test_name_that_corekit_has_taken_since_does_not_matter(plugin, newer, monkeypatch):
    monkeypatch.setattr("corekit.registry.registry._owner_of", {("layers", "myplugin"): "corekit-layers-basic"})

    assert run("--update", str(plugin)).exit_code == 0


def test_template_of_a_newer_corekit_is_refused(plugin):
    edit(plugin / FILE, '"corekit": "0.1.0"', '"corekit": "9.9.0"')
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert result.exit_code == 1
    assert 'pip install "corekit>=9.9.0"' in result.stderr
    assert everything(plugin) == before


def test_folder_without_a_record_is_refused(tmp_path):
    result = run("--update", str(tmp_path))

    assert result.exit_code == 1
    assert f"{FILE} is not there" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "["),
        ('"kinds": [\n  "layer"\n ]', '"kinds": []'),
        ('"kinds": [\n  "layer"\n ]', '"kinds": ["cake"]'),
        ('"distribution": "my-plugin"', '"distribution": "../up"'),
        ('"license": "apache-2.0"', '"license": "../../x"'),
        ('"README.md"', '"../README.md"'),
        ('"README.md"', '"/README.md"'),
    ],
)
def test_damaged_record_is_refused(plugin, old, new):
    edit(plugin / FILE, old, new)
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    assert everything(plugin) == before


def test_file_that_is_no_text_is_refused_before_anything_is_written(plugin, newer):
    (plugin / "README.md").write_bytes(b"\xff\xfe")
    before = everything(plugin)

    result = run("--update", str(plugin))

    assert result.exit_code == 1
    assert "README.md cannot be read as text" in result.stderr
    assert everything(plugin) == before

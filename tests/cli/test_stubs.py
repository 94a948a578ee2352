import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.registry import KINDS, registry

NORMS = """
    import corekit

    class Norm(corekit.Layer):
        def __init__(self, epsilon: float = 1e-6) -> None: ...

    class Torch(corekit.Layer): ...
"""


@pytest.fixture
def run(site, monkeypatch, tmp_path):
    site.install(
        "corekit-norms",
        {"layers": {"Norm": "stubbed_norms:Norm", "old_norm": "stubbed_norms:Norm", "Cold": "stubbed_norms:Torch"}},
        stubbed_norms=NORMS,
    )
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(group, ["stubs", *words])


def left_out(result):
    return {one["name"]: one["reason"] for one in json.loads(result.stdout)["left_out"]}


def test_every_namespace_and_the_face_are_written(run):
    result = run()

    assert result.exit_code == 0
    assert result.stdout == f"Wrote {Path('typings', 'corekit')} (12 files). For mypy: MYPYPATH=typings.\n"
    assert {path.name for path in Path("typings/corekit").iterdir()} == {f"{k}.pyi" for k in [*KINDS, "__init__"]}


def test_a_plugins_names_are_in_its_namespaces_stub(run):
    run("--output", "there")

    lines = Path("there/corekit/layers.pyi").read_text().splitlines()
    assert "from corekit.protocols.layer import Layer as Layer" in lines
    assert "from stubbed_norms import Norm as Norm" in lines
    assert "from stubbed_norms import Torch as _Cold" in lines
    assert {"Cold = _Cold", "old_norm = Norm"} < set(lines)


def test_no_plugin_is_imported(run):
    run()

    assert "stubbed_norms" not in sys.modules


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Layer", "corekit.layers has something of this name itself"),
        ("get", "corekit.layers has something of this name itself"),
        ("two-words", "it cannot be written as an attribute"),
        ("class", "it cannot be written as an attribute"),
        ("_Hidden", "it cannot be written as an attribute"),
        ("Gone", "odd.py does not define Gone"),
    ],
)
def test_a_name_without_a_type_is_left_out_with_its_reason(run, site, name, reason):
    site.install("corekit-odd", {"layers": {name: "odd:Gone"}}, odd="")

    result = run("--json")

    assert result.exit_code == 0
    assert left_out(result) == {name: reason}
    assert f"# left out: {name} of corekit-odd:{name}: {reason}\n" in Path("typings/corekit/layers.pyi").read_text()


def test_a_clash_is_left_out(run, site):
    site.install("corekit-rival", {"layers": {"Norm": "stubbed_norms:Norm"}})

    assert left_out(run("--json")) == {"Norm": "the name means corekit-norms:Norm or corekit-rival:Norm"}
    assert "Left out: corekit.layers.Norm of corekit-rival:Norm: the name means" in run().stdout


def test_what_is_switched_off_is_left_out(run, monkeypatch):
    monkeypatch.setenv("COREKIT_DISABLE", "corekit-norms:Cold")

    assert left_out(run("--json")) == {"Cold": "COREKIT_DISABLE disables it"}


def test_a_second_run_renews_the_files(run, site):
    run()
    registry.refresh()
    site.install("corekit-more", {"ops": {"more": "stubbed_more:more"}}, stubbed_more="def more(): ...")

    assert run().exit_code == 0
    assert "from stubbed_more import more as more" in Path("typings/corekit/ops.pyi").read_text()


def test_somebody_elses_file_is_not_replaced(run):
    Path("typings/corekit").mkdir(parents=True)
    Path("typings/corekit/ops.pyi").write_text("mine")

    result = run()

    assert result.exit_code == 1
    assert "ops.pyi is there already, and `corekit stubs` did not write it. Nothing was changed." in result.stderr
    assert [path.name for path in Path("typings/corekit").iterdir()] == ["ops.pyi"]


def test_a_folder_that_cannot_be_made_is_an_error(run):
    Path("typings").mkdir()
    Path("typings/corekit").write_text("a file")

    result = run()

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "--output" in result.stderr


def test_a_file_as_output_is_a_usage_error(run):
    Path("typings").write_text("a file")

    assert run().exit_code == 2


@pytest.mark.slow
def test_mypy_checks_calls_of_a_plugin_by_the_stubs(run, site):
    """The real environment and two plugins more, as a user has them; what has no type is Any, not an error."""
    installed = site.root / "site"
    (installed / "stubbed_norms").mkdir()
    (installed / "stubbed_norms.py").rename(installed / "stubbed_norms" / "__init__.py")
    (installed / "stubbed_norms" / "py.typed").touch()
    site.install("corekit-untyped", {"layers": {"Bare": "untyped_norms:Bare"}}, untyped_norms="class Bare: ...")
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-m", "corekit", "stubs"], check=True, env=environment, capture_output=True)
    Path("use.py").write_text(
        "import corekit as ck\n"
        "from corekit.errors import CorekitError\n"
        "class Mine(ck.layers.Norm): ...\n"
        "ck.Sequential([ck.layers.Norm(1.0), ck.layers.old_norm(epsilon=2.0), ck.layers.Bare()])\n"
        "ck.layers.Norm(epsilon='small')\n"
        "ck.layers.old_norm(eps=1.0)\n"
        "ck.layers.Unknown(1)\n"
        "CorekitError.missing\n"
    )

    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "use.py", "typings"]
    result = subprocess.run(command, env={**environment, "MYPYPATH": "typings"}, capture_output=True, text=True)

    errors = [line for line in result.stdout.splitlines() if ": error: " in line]
    assert [line.partition(" error")[0] for line in errors] == ["use.py:5:", "use.py:6:", "use.py:8:"]
    assert 'Argument "epsilon" to "Norm" has incompatible type "str"; expected "float"' in errors[0]

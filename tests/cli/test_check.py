"""`corekit check` on a folder whose components crash, hang, exit, fail and pass, each beside the others."""

import json
import os
import subprocess
import sys

import pytest

PROJECT = """
[project]
name = "checked-zoo"
version = "1.0"
[project.entry-points."corekit.hooks"]
main = "checked_zoo.hooks"
[project.entry-points."corekit.activations"]
good = "checked_zoo.good:good"
exits = "checked_zoo.exits:exits"
hangs = "checked_zoo.hangs:hangs"
segfaults = "checked_zoo.segfaults:segfaults"
missing = "checked_zoo.nowhere:missing"
wrong = "checked_zoo.wrong:wrong"
declared = "checked_zoo.declared:declared"
"""
FUNCTION = '''import time, os, ctypes, torch
from corekit import known_failure

def {name}(x):
    """An activation."""
    {body}
'''
AT_NAN = "if torch.isnan(x).any(): {what}\n    return x * 2.0"
BODIES = {
    "good": "return x * 2.0",
    "exits": AT_NAN.format(what="os._exit(3)"),
    "hangs": AT_NAN.format(what="time.sleep(1000)"),
    "segfaults": AT_NAN.format(what="ctypes.string_at(0)"),
    "wrong": "return torch.nan_to_num(x * 2.0)",
    "declared": "return torch.nan_to_num(x * 2.0)",
}


HOOKS = """
from corekit import hookimpl
from checked_zoo.good import good

@hookimpl
def register_components(register):
    register("activations", "hooked", lambda x: good(x))
"""


def corekit(*arguments, **variables):
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **variables}
    command = [sys.executable, "-m", "corekit", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    folder.joinpath("pyproject.toml").write_text(PROJECT)
    package = folder / "src" / "checked_zoo"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").write_text("")
    package.joinpath("hooks.py").write_text(HOOKS)
    for name, body in BODIES.items():
        source = FUNCTION.format(name=name, body=body)
        if name == "declared":
            source = source.replace("\ndef ", '\n@known_failure("nan_passes", "nan is a number here")\ndef ')
        package.joinpath(f"{name}.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def done(zoo):
    return corekit("check", str(zoo), "--only", "nan_passes", "--only", "dtypes", "--timeout", "20", "--json")


@pytest.fixture(scope="module")
def card(done):
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def failures(card):
    failed = [one for one in card["outcomes"] if one["status"] == "failed"]
    return {one["component"].removeprefix("checked-zoo:"): one for one in failed}


@pytest.mark.slow
def test_failures_make_the_exit_code_1(done):
    assert done.returncode == 1, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check", "told"),
    [
        ("exits", "nan_passes", "the process was ended by it (exit code 3)"),
        ("hangs", "nan_passes", "the process did not end within 20 s, in "),
        ("segfaults", "nan_passes", "the process crashed (SIGSEGV), in "),
        ("missing", "imports", "cannot be imported: ModuleNotFoundError"),
        ("wrong", "nan_passes", "nan"),
    ],
)
def test_each_failure_is_told(failures, name, check, told):
    assert failures[name]["check"] == check
    assert told in failures[name]["message"]
    assert failures[name]["why"]


@pytest.mark.slow
def test_good_ones_are_checked_among_them(card):
    rows = {one["name"]: one for one in card["components"]}

    assert rows.keys() == {*BODIES, "missing", "hooked"}
    assert (rows["good"]["passed"], rows["good"]["failed"]) == (2, 0)
    assert (rows["hooked"]["passed"], rows["hooked"]["failed"]) == (2, 0)
    assert (rows["declared"]["expected"], rows["declared"]["failed"]) == (1, 0)


@pytest.mark.slow
def test_part_of_the_checks_gives_no_tier(card):
    assert card["tier"] is None


@pytest.mark.slow
def test_card_of_a_whole_run_is_for_people(zoo):
    done = corekit("check", str(zoo), "--component", "wrong", COLUMNS="60")

    assert done.returncode == 1
    assert "activations wrong: nan_passes\n" in done.stdout
    assert "Why it matters: Training stops at a loss of nan" in done.stdout
    assert "\n1 component, " in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "no_such_check"], "There are "),
        (["--component", "NoSuch"], "checked-zoo has no component 'NoSuch'. It has "),
    ],
)
def test_unknown_names_exit_with_2(zoo, words, told):
    done = corekit("check", str(zoo), *words)

    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize("plugin", ["nowhere-at-all", "./nowhere/"])
def test_unknown_plugin_exits_with_2(plugin):
    assert corekit("check", plugin).returncode == 2


@pytest.mark.slow
def test_hook_that_hangs_is_told(tmp_path):
    tmp_path.joinpath("pyproject.toml").write_text(
        '[project]\nname = "hung"\n[project.entry-points."corekit.hooks"]\nmain = "hung"\n'
    )
    tmp_path.joinpath("hung.py").write_text("import time\ntime.sleep(1000)\n")

    done = corekit("check", str(tmp_path), "--timeout", "3")

    assert done.returncode == 2
    assert "before a component was tried, the process did not end within 3 s, in" in " ".join(done.stderr.split())
    assert "hung.py" in done.stderr

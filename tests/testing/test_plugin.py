"""The pytest plugin, each time in a pytest of its own, as authors have it."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from corekit.testing.plugin import summary

CONTRACT = """
    from corekit.testing import parametrize_with_checks

    @parametrize_with_checks("corekit-layers-sequence")
    def test_contract(check):
        check()
"""


@pytest.fixture
def run(tmp_path):
    """Return `run(*words, source)`: pytest's end and what it printed."""
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    def call(*words, source="def test_nothing(): pass"):
        tmp_path.joinpath("test_it.py").write_text(textwrap.dedent(source))
        command = [sys.executable, "-m", "pytest", *words]
        env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)

    return call


def test_start_imports_neither_torch_nor_the_kit(run):
    source = """
        import sys
        def test_start():
            assert "corekit.testing.plugin" in sys.modules
            assert not {"torch", "numpy", "rich", "corekit.registry", "corekit.testing.kit"} & sys.modules.keys()
    """

    done = run(source=source)

    assert done.returncode == 0, done.stdout
    assert "corekit checks" not in done.stdout


def test_registry_is_a_tests_own(run):
    source = """
        import corekit
        class Mine(corekit.Layer): pass
        def test_first(isolated_registry):
            corekit.register(Mine)
            assert isolated_registry.find("layers", "Mine").id == "local:Mine"
        def test_second(isolated_registry):
            assert "Mine" not in isolated_registry.names("layers")
    """

    assert run(source=source).returncode == 0


@pytest.mark.slow
def test_counts_are_printed_and_kept(run, tmp_path):
    choice = "(Embedding and (names or nan_passes)) or (Attention and second_gradients)"

    done = run("-k", choice, source=CONTRACT)

    assert done.returncode == 0, done.stdout
    assert "layers corekit-layers-sequence:Embedding              1 run, 1 skipped, 0 failed, 0 expected" in done.stdout
    assert "skipped 1: it takes no floating-point input" in done.stdout
    assert "expected: corekit-layers-sequence:MultiHeadAttention second_gradients: torch's fused" in done.stdout
    assert "2 components:    2 run, 1 skipped, 0 failed, 1 expected" in done.stdout
    kept = json.loads(tmp_path.joinpath(".pytest_cache/v/corekit/checks").read_text())
    assert {(one["check"], one["status"]) for one in kept} == {
        ("names", "passed"), ("nan_passes", "skipped"), ("second_gradients", "expected"),
    }  # fmt: skip


@pytest.mark.slow
def test_checks_need_no_test_file(run, tmp_path):
    done = run(
        "--corekit-check", "corekit-layers-sequence", "-k", "GRU-names or nothing", "-v", "-p", "no:cacheprovider"
    )

    assert done.returncode == 0, done.stdout
    assert "corekit-layers-sequence::layers-GRU-names PASSED" in done.stdout
    assert "test_nothing PASSED" in done.stdout
    assert "1 component:    1 run, 0 skipped, 0 failed, 0 expected" in done.stdout


def test_unknown_plugin_is_a_usage_error(run):
    done = run("--corekit-check", "nowhere-at-all")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert '--corekit-check: no installed distribution "nowhere-at-all" offers components' in done.stderr


def test_summary_is_short_where_it_is_asked_to_be():
    outcome = {"kind": "layers", "component": "a:A", "check": "shapes", "status": "failed", "message": "odd"}

    assert summary([outcome], is_short=True) == ["1 component:    1 run, 0 skipped, 1 failed, 0 expected"]

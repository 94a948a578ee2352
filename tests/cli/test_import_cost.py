import sys

import pytest

from corekit.cli import import_once
from corekit.cli.import_cost import import_cost


def test_cost_counts_modules_and_time(site):
    site.install("corekit-a", {}, costly="import costly_part, time; time.sleep(0.05)\nclass A: B = 1", costly_part="")

    found = import_once.cost(["costly:A.B", "costly:A"])

    assert found["modules"] == 2
    assert 50 <= found["ms"] < 5000


@pytest.mark.slow  # in a process of its own: here memory that was freed would be used again
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_cost_sees_memory_grow(site):
    site.install("corekit-a", {}, big="kept = b'x' * 30_000_000")

    assert 25 < import_cost(["big:kept"], repeat=1, timeout=120).megabytes < 60


def test_memory_is_unknown_without_proc(monkeypatch):
    def no_file(*args, **keywords):
        raise FileNotFoundError

    monkeypatch.setattr(import_once, "open", no_file, raising=False)

    assert import_once.cost(["json:loads"])["megabytes"] is None


@pytest.mark.slow
def test_torch_and_corekit_do_not_count(site):
    site.install("corekit-a", {}, light="import torch, corekit\nprint('noise')\nclass A(corekit.Layer): ...")

    found = import_cost(["light:A"], repeat=2, timeout=120)

    assert found.error == ""
    assert found.modules == 1
    assert found.ms < 200  # importing torch takes a second


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import missing_module", "ModuleNotFoundError: No module named 'missing_module'"),
        ("import sys; sys.exit('no\\nlicence')", "SystemExit: no licence"),
        ("import os; os._exit(0)", "its import ended the process (exit code 0)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its import ended the process (signal 11)"),
        ("", "AttributeError: module 'odd' has no attribute 'A'"),
    ],
)
def test_a_failing_import_says_how(site, source, words):
    site.install("corekit-a", {}, odd=source)

    found = import_cost(["odd:A"], repeat=3, timeout=120)

    assert found.error == words
    assert found.ms is None


@pytest.mark.slow
def test_a_hang_ends_at_the_limit(site, tmp_path):
    begun = tmp_path / "begun"
    site.install("corekit-a", {}, odd=f"open({str(begun)!r}, 'w'); import time; time.sleep(600)")

    assert import_cost(["odd:A"], repeat=3, timeout=8).error == "no end in 8 s"
    assert begun.exists()

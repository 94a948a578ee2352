import sys
from importlib import metadata

import pytest

import corekit
from corekit.errors import BrokenPluginError, IncompatiblePluginError
from corekit.registry import registry, requirements

HERE = {"python": "3.11.7", "norms": "1.0", "torch": "2.13.0+cpu", "nightly": "2.0.dev1", "unversioned": ""}


@pytest.mark.parametrize(
    "need",
    [
        "norms", "Norms>=1", "norms~=1.0", "torch>=2.11", "torch==2.13.0", "python>=3.11", "nightly>=1",
        'norms>=9; python_version < "3"', 'absent-thing; extra == "dev"', "norms[fast]>=1", "unversioned",
    ],
)  # fmt: skip
def test_what_is_there_is_no_complaint(need):
    assert requirements.complaint([need], HERE) == ""


@pytest.mark.parametrize(
    ("need", "said"),
    [
        ("norms>=2,<3", 'it needs norms<3,>=2, and 1.0 is installed:  pip install "norms<3,>=2"'),
        (
            "unversioned>=1",
            'it needs unversioned>=1, and an unknown version is installed:  pip install "unversioned>=1"',
        ),
        ("torch<2.13", 'it needs torch<2.13, and 2.13.0+cpu is installed:  pip install "torch<2.13"'),
        ("absent-thing", 'it needs absent-thing, which is not installed:  pip install "absent-thing"'),
        (
            "python>=3.99",
            "it needs python>=3.99, and this is 3.11.7: use another Python, or a release of it for this one.",
        ),
        ("not a need", 'its metadata asks for "not a need", which cannot be read: its author must correct that.'),
    ],
)
def test_a_complaint_says_what_is_needed_what_is_here_and_what_to_do(need, said, monkeypatch):
    monkeypatch.setattr(requirements, "_asked_for", lambda name, stated: stated)

    assert requirements.complaint(["norms", need], HERE) == said


def test_what_no_folder_states_is_asked_of_the_library():
    assert (
        requirements.complaint([f"corekit=={metadata.version('corekit')}"], {"corekit": "0.0.1", "python": "3"}) == ""
    )
    assert requirements.complaint(["pytest"], {"python": "3"}) == ""


def test_installed_versions_come_from_folders(site):
    site.install("Corekit.Norms", {}, version="1.0+cpu.2", folder="first")
    site.install("corekit-norms", {}, version="2.0", folder="second")

    assert requirements.installed()["corekit-norms"] == "1.0+cpu.2"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("Requires-Dist: corekit>=99", r"needs corekit>=99, and .* is installed"),
        ("Requires-Dist: torch<2", r"needs torch<2, and .* is installed"),
        ("Requires-Python: <3.0", r"needs python<3\.0, and this is"),
        ("Requires-Dist: absent-thing", r"needs absent-thing, which is not installed"),
    ],
)
def test_a_plugin_that_cannot_run_here_is_not_imported(site, head, said):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, head=f"{head}\n", norms="class Norm: pass")
    site.install("corekit-other", {"layers": {"Other": "other:Other"}}, other="class Other: pass")

    with pytest.raises(IncompatiblePluginError, match=rf'layer "corekit-norms:Norm" \(version 1.0\) cannot .*{said}'):
        registry.get("layers", "Norm")

    assert "norms" not in sys.modules
    assert corekit.layers.Other.__name__ == "Other"
    assert issubclass(IncompatiblePluginError, BrokenPluginError)


def test_a_hook_module_that_cannot_run_here_is_not_imported(site):
    site.install("corekit-late", {"hooks": {"h": "late_hooks"}}, head="Requires-Dist: absent-thing\n", late_hooks="1/0")

    assert registry.kinds_of("Late") == []
    assert [str(problem) for problem in registry.failures()] == [
        'corekit-late 1.0: it needs absent-thing, which is not installed:  pip install "absent-thing"'
    ]
    assert "late_hooks" not in sys.modules


def test_what_was_missing_and_is_installed_now_is_seen(site, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name, real=metadata.version: "1.0" if name in there else real(name))
    there: set[str] = set()
    head = "Requires-Dist: corekit-base\n"
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, head=head, norms="class Norm: pass")
    with pytest.raises(IncompatiblePluginError):
        registry.get("layers", "Norm")

    there.add("corekit-base")

    assert registry.get("layers", "Norm").__name__ == "Norm"

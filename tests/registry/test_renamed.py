"""Names that components had once: they work, say so once, and step aside for whoever has the name now."""

import warnings

import pytest

from corekit.errors import StrictError, UnknownNameError

ENTRIES = {"layers": {"RMSNorm": "norms:RMSNorm"}, "renamed": {"RootNorm": "layers:RMSNorm"}}


@pytest.fixture
def registry(site):
    site.install("corekit-norms", ENTRIES, norms="class RMSNorm: pass")
    return site.registry()


@pytest.mark.parametrize("name", ["RootNorm", "root_norm", "corekit-norms:RootNorm"])
def test_old_name_loads_and_says_so_once(registry, name):
    with pytest.warns(FutureWarning, match='is called "RMSNorm" now: write "corekit-norms:RMSNorm"'):
        assert registry.get("layers", name).__name__ == "RMSNorm"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.find("layers", name).id == "corekit-norms:RMSNorm"
        assert registry.get("layers", "rms_norm").__name__ == "RMSNorm"


def test_old_name_is_not_offered(registry):
    assert registry.names("layers") == ["RMSNorm"]
    assert registry.find("layers", "RMSNorm").aliases == ()


def test_old_name_steps_aside_for_a_new_owner(registry, site):
    site.install("corekit-roots", {"layers": {"RootNorm": "roots:RootNorm"}}, roots="class RootNorm: pass")
    registry.refresh()

    assert registry.find("layers", "RootNorm").id == "corekit-roots:RootNorm"
    with pytest.warns(FutureWarning, match="RMSNorm"):
        assert registry.find("layers", "corekit-norms:RootNorm").id == "corekit-norms:RMSNorm"


def test_strict_makes_an_error_of_it(registry, monkeypatch):
    monkeypatch.setenv("COREKIT_STRICT", "1")

    for _ in range(2):
        with pytest.raises(StrictError, match='called "RMSNorm" now'):
            registry.get("layers", "RootNorm")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"RootNorm": "layers:Nothing"}, 'it has no "Nothing" among its layers'),
        ({"RootNorm": "RMSNorm"}, "its author must write it as"),
        ({"rms_norm": "layers:RMSNorm"}, "it has that name still"),
    ],
)
def test_mistake_is_named(site, entry, said):
    site.install("corekit-norms", {**ENTRIES, "renamed": entry})
    registry = site.registry()

    assert said.lower() in str(registry.problems()[0]).lower()
    with pytest.raises(UnknownNameError):
        registry.find("layers", "RootNorm")

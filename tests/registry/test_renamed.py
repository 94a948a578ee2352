"""Names that components had once: they work, say so once, and step aside for whoever has the name now."""

import warnings

import pytest

from corekit.errors import AmbiguousNameError, StrictError, UnknownNameError

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


MOVED = {"layers": {"RMSNorm": "norms:RMSNorm"}, "renamed": {"Old_Norms:Norm": "layers:RMSNorm"}}


@pytest.fixture
def moved(site):
    site.install("corekit-norms", MOVED, norms="class RMSNorm: pass")
    return site.registry()


@pytest.mark.parametrize("name", ["old-norms:Norm", "Old.Norms:norm"])
def test_id_of_the_distribution_that_it_came_from_loads(moved, name):
    with pytest.warns(FutureWarning, match='(?i)"old-norms:Norm" of corekit-norms is called "RMSNorm" now'):
        assert moved.get("layers", name).__name__ == "RMSNorm"


def test_id_is_its_distributions_own_while_that_has_it(moved, site):
    site.install("old-norms", {"layers": {"Norm": "old:Norm"}}, old="class Norm: pass")
    moved.refresh()

    assert moved.find("layers", "old-norms:Norm").id == "old-norms:Norm"
    assert moved.problems() == []


def test_bare_name_of_another_distribution_is_not_taken(moved):
    with pytest.raises(UnknownNameError):
        moved.get("layers", "Norm")


def test_two_that_say_it_came_to_them_are_a_clash(moved, site):
    site.install("other-norms", {**MOVED, "layers": {"RMSNorm": "others:RMSNorm"}}, others="class RMSNorm: pass")
    moved.refresh()

    with pytest.raises(AmbiguousNameError, match="corekit-norms:RMSNorm, other-norms:RMSNorm"):
        moved.get("layers", "old-norms:Norm")


def test_stranger_does_not_speak_for_a_standard_distribution(site):
    entries = {"layers": {"Mine": "mine:Mine"}, "renamed": {"corekit-layers-basic:Gone": "layers:Mine"}}
    site.install("a-stranger", entries, mine="class Mine: pass")
    registry = site.registry()

    with pytest.raises(UnknownNameError):
        registry.get("layers", "corekit-layers-basic:Gone")
    assert "it cannot speak for corekit-layers-basic" in registry.problems()[0].message

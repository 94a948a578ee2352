import sys

import pytest

from corekit.errors import AmbiguousNameError, ArgumentError, BrokenPluginError, StrictError, UnknownNameError
from corekit.registry import KINDS

OWNERS = {"layers": {"Dense": "corekit-layers-basic"}}
NORMS = "class Norm: pass\nclass MyNorm: pass\ndef norm(): pass"


@pytest.fixture
def norms(site):
    site.install("corekit-norms", {"layers": {"MyNorm": "norms:MyNorm", "old_norm": "norms:MyNorm"}}, norms=NORMS)
    return site


def two_strangers(site, order=("corekit-a", "corekit-b")):
    for name in order:
        module = name.replace("-", "_")
        site.install(name, {"layers": {"Norm": f"{module}:Norm"}}, folder=name, **{module: NORMS})
    return site.registry()


# Names


@pytest.mark.parametrize("name", ["MyNorm", "my_norm", "mynorm", "MYNORM", "old_norm", "OldNorm"])
def test_find_is_blind_to_case_and_underscores(norms, name):
    assert norms.registry().find("layers", name).id == "corekit-norms:MyNorm"


def test_exact_name_beats_a_folded_one(norms):
    norms.install("corekit-other", {"layers": {"My_Norm": "other:My_Norm"}})
    registry = norms.registry()

    assert registry.find("layers", "MyNorm").distribution == "corekit-norms"
    assert registry.find("layers", "My_Norm").distribution == "corekit-other"


def test_folded_clash_of_strangers_raises(norms):
    norms.install("corekit-other", {"layers": {"My_Norm": "other:My_Norm"}})

    with pytest.raises(AmbiguousNameError, match="corekit-norms:MyNorm, corekit-other:My_Norm"):
        norms.registry().find("layers", "mynorm")


@pytest.mark.parametrize("name", ["corekit-norms:MyNorm", "Corekit_Norms:my_norm", "corekit-norms:old_norm"])
def test_find_takes_ids(norms, name):
    assert norms.registry().find("layers", name).id == "corekit-norms:MyNorm"


def test_attribute_returns_the_function_itself(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm", "norm": "norms:norm"}}, norms=NORMS)
    registry = site.registry()

    assert registry.attribute("layers", "norm") is sys.modules["norms"].norm
    assert registry.get("layers", "norm") is sys.modules["norms"].Norm  # by name it is the component


def test_unknown_kind_lists_the_kinds(site):
    with pytest.raises(ArgumentError, match="The kinds: layers, optimizers"):
        site.registry().find("layer", "Norm")


def test_look_up_imports_no_other_plugin(norms):
    norms.install("corekit-other", {"layers": {"Other": "other_norms:Other"}}, other_norms="class Other: pass")

    norms.registry().get("layers", "MyNorm")

    assert "other_norms" not in sys.modules


# Owners and clashes


def test_two_strangers_with_one_name_raise(site):
    registry = two_strangers(site)

    with pytest.raises(AmbiguousNameError) as caught:
        registry.find("layers", "Norm")

    message = str(caught.value)
    assert '2 installed plugins have a layer called "Norm": corekit-a:Norm, corekit-b:Norm.' in message
    assert 'corekit.get("layers", "corekit-a:Norm")' in message


def test_clash_is_reported_and_ids_work(site):
    registry = two_strangers(site)

    assert registry.get("layers", "corekit-b:Norm") is sys.modules["corekit_b"].Norm
    assert {problem.distribution for problem in registry.problems()} == {"corekit-a", "corekit-b"}
    assert "so the bare name is an error" in registry.problems()[0].message


@pytest.mark.parametrize("order", [("corekit-a", "corekit-b"), ("corekit-b", "corekit-a")])
def test_path_order_does_not_settle_a_clash(site, order):
    registry = two_strangers(site, order)

    with pytest.raises(AmbiguousNameError, match="corekit-a:Norm, corekit-b:Norm"):
        registry.attribute("layers", "Norm")
    assert registry.names("layers") == []


@pytest.mark.parametrize("folders", [("standard", "stranger"), ("stranger", "standard")])
def test_standard_owner_keeps_its_name(site, folders):
    for folder in folders:
        distribution = "corekit-layers-basic" if folder == "standard" else "corekit-stranger"
        site.install(distribution, {"layers": {"Dense": f"{folder}_dense:Dense"}}, folder=folder)
    registry = site.registry(OWNERS)

    assert registry.find("layers", "Dense").id == "corekit-layers-basic:Dense"
    assert registry.find("layers", "dense").id == "corekit-layers-basic:Dense"
    assert registry.find("layers", "corekit-stranger:Dense").id == "corekit-stranger:Dense"


def test_strangers_spelling_does_not_shadow_the_owner(site):
    site.install("corekit-layers-basic", {"layers": {"Dense": "basic:Dense"}})
    site.install("corekit-stranger", {"layers": {"dense": "stranger:dense"}})

    assert site.registry(OWNERS).find("layers", "dense").id == "corekit-layers-basic:Dense"


def test_shadowed_stranger_is_reported(site):
    site.install("corekit-layers-basic", {"layers": {"Dense": "basic:Dense"}})
    site.install("corekit-stranger", {"layers": {"Dense": "stranger:Dense"}})

    (problem,) = site.registry(OWNERS).problems()

    assert str(problem) == (
        'corekit-stranger 1.0: its layer "Dense" has the name of a part of corekit-layers-basic, which keeps it. '
        'Write its id: "corekit-stranger:Dense".'
    )


def test_stranger_does_not_step_in_for_the_owner(site):
    site.install("corekit-stranger", {"layers": {"Dense": "stranger:Dense"}})
    registry = site.registry(OWNERS)

    for look_up in (registry.find, registry.attribute):
        with pytest.raises(UnknownNameError, match="not installed:  pip install corekit-layers-basic"):
            look_up("layers", "Dense")
    assert registry.names("layers") == []


def test_owned_names_are_not_listed_without_the_owner(site):
    assert site.registry(OWNERS).components() == []


def test_missing_owner_by_id_says_what_to_install(site):
    with pytest.raises(UnknownNameError, match="pip install corekit-layers-basic"):
        site.registry(OWNERS).find("layers", "corekit-layers-basic:Dense")


# Unknown names


def test_unknown_name_suggests_and_lists(norms):
    with pytest.raises(UnknownNameError) as caught:
        norms.registry().find("layers", "MyNrom")

    assert str(caught.value) == (
        'there is no layer called "MyNrom".  Did you mean "MyNorm"?\n  Known layers: MyNorm (corekit-norms 1.0).'
    )


def test_unknown_name_names_failed_plugins(norms):
    norms.install(
        "corekit-broken", {"layers": {"Odd": "broken_odd:Odd"}}, broken_odd="raise RuntimeError('no license')"
    )
    registry = norms.registry()
    with pytest.raises(BrokenPluginError):
        registry.get("layers", "Odd")

    with pytest.raises(UnknownNameError, match=r"Not available: corekit-broken 1.0: its layers Odd .*no license"):
        registry.find("layers", "Nothing")


def test_empty_environment_says_what_to_install(site):
    with pytest.raises(UnknownNameError, match=r"No layers are installed\.  pip install corekit-layers-basic"):
        site.registry(OWNERS).find("layers", "Convolution")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("corekit-norms:MyNrom", 'Did you mean "corekit-norms:MyNorm"'),
        ("corekit-absent:X", "No plugin called corekit-absent is installed."),
        ("local:Mine", "with @corekit.register above it"),
    ],
)
def test_unknown_id_says_what_there_is(norms, name, words):
    with pytest.raises(UnknownNameError, match=words):
        norms.registry().find("layers", name)


def test_installed_distribution_without_the_kind_is_told(norms):
    with pytest.raises(UnknownNameError, match="corekit-norms is installed, but has no optimizers"):
        norms.registry().find("optimizers", "corekit-norms:Lion")


# Broken plugins


@pytest.mark.parametrize("source", ["import missing_module", "import sys; sys.exit(1)", "class ("])
def test_broken_plugin_harms_no_other(norms, source):
    norms.install("corekit-broken", {"layers": {"Odd": "broken_odd:Odd"}}, broken_odd=source)
    registry = norms.registry()

    with pytest.raises(BrokenPluginError, match="corekit-broken:Odd") as caught:
        registry.get("layers", "Odd")

    assert caught.value.__cause__ is not None
    assert registry.get("layers", "MyNorm") is sys.modules["norms"].MyNorm
    assert [problem.distribution for problem in registry.problems()] == ["corekit-broken"]


def test_mended_plugin_is_no_problem_any_more(site):
    site.install("corekit-odd", {"layers": {"Odd": "odd_one:Odd"}}, odd_one="raise RuntimeError")
    registry = site.registry()
    with pytest.raises(BrokenPluginError):
        registry.get("layers", "Odd")

    mended = site.root / "site" / "odd_one.py"
    mended.write_text("class Odd:\n    mended = True\n")

    assert registry.get("layers", "Odd").mended
    assert registry.problems() == []


# From an object to its component


def test_component_of_finds_class_and_function(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm", "norm": "norms:norm"}}, norms=NORMS)
    registry = site.registry()
    component = registry.find("layers", "Norm")
    component.load()

    assert registry.component_of("layers", sys.modules["norms"].Norm) is component
    assert registry.component_of("layers", sys.modules["norms"].norm) is component
    assert registry.component_of("layers", sys.modules["norms"].MyNorm) is None


def test_component_of_imports_no_other_candidate(site):
    registry = two_strangers(site)
    mine = registry.get("layers", "corekit-b:Norm")

    assert registry.component_of("layers", mine).id == "corekit-b:Norm"
    assert "corekit_a" not in sys.modules


def test_component_of_finds_a_reexport(site):
    site.install(
        "corekit-norms",
        {"layers": {"PurePath": "norms:PurePath"}},
        norms="from pathlib import PurePath",
    )
    registry = site.registry()
    value = registry.get("layers", "PurePath")

    assert value.__module__.startswith("pathlib")
    assert registry.component_of("layers", value).id == "corekit-norms:PurePath"


def test_component_of_sees_through_an_unimported_facade(site):
    site.install("corekit-norms", {"layers": {"Norm": "normpack.face:Norm"}})
    package = site.root / "site" / "normpack"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("inner.py").write_text("class Norm: pass")
    package.joinpath("face.py").write_text("from normpack.inner import Norm")
    import importlib

    inner = importlib.import_module("normpack.inner")

    assert site.registry().component_of("layers", inner.Norm).id == "corekit-norms:Norm"


def test_component_of_finds_what_a_hook_added(site):
    source = """
        import corekit
        class Norm: pass
        @corekit.hookimpl
        def register_components(register):
            register("layers", "Renamed", Norm)
    """
    site.install("corekit-hooked", {"hooks": {"main": "hooked"}}, hooked=source)
    registry = site.registry()
    value = registry.get("layers", "Renamed")

    assert registry.component_of("layers", value).id == "corekit-hooked:Renamed"


# Local objects


def test_later_local_replaces_the_earlier(site):
    registry = site.registry()
    first, second = type("Mine", (), {}), type("Mine", (), {})

    registry.add_local("layers", "Mine", first)
    registry.add_local("layers", "Mine", second)

    assert registry.get("layers", "Mine") is second
    assert registry.component_of("layers", first) is None


def test_local_name_does_not_shadow_a_standard_one(site):
    site.install("corekit-layers-basic", {"layers": {"Dense": "basic:Dense"}})
    registry = site.registry(OWNERS)
    registry.add_local("layers", "Dense", type("Dense", (), {}))

    assert registry.find("layers", "Dense").id == "corekit-layers-basic:Dense"
    assert registry.find("layers", "local:Dense").id == "local:Dense"
    assert registry.problems() == []


@pytest.mark.parametrize(("kind", "name"), [("layer", "Mine"), ("layers", "a:b"), ("layers", "")])
def test_local_needs_a_kind_and_a_plain_name(site, kind, name):
    with pytest.raises(ArgumentError):
        site.registry().add_local(kind, name, object)


# The whole


def test_kinds_of_a_name(site):
    site.install("corekit-x", {"layers": {"Identity": "x:Identity"}, "initializers": {"identity": "x:identity"}})
    registry = site.registry()

    assert registry.kinds_of("Identity") == ["layers", "initializers"]
    assert registry.kinds_of("corekit-x:identity") == ["layers", "initializers"]
    assert registry.kinds_of("nothing") == []


def test_components_are_sorted_and_local_ones_listed(norms):
    registry = norms.registry()
    registry.add_local("layers", "Aaa", object)

    assert [component.id for component in registry.components("layers")] == ["local:Aaa", "corekit-norms:MyNorm"]


def test_refresh_sees_what_was_installed_since(site):
    registry = site.registry()
    assert registry.components() == []

    site.install("corekit-norms", {"layers": {"MyNorm": "norms:MyNorm"}})
    registry.refresh()

    assert registry.names("layers") == ["MyNorm"]


def test_listing_imports_no_plugin(norms):
    registry = norms.registry()

    for kind in KINDS:
        registry.components(kind)
        registry.names(kind)
    registry.problems()

    assert "norms" not in sys.modules


# Strictly


def test_strict_tells_of_what_is_wrong_with_any_plugin(norms, monkeypatch):
    norms.install("corekit-odd", {"layer": {"Odd": "odd:Odd"}})
    two_strangers(norms)
    registry = norms.registry()
    assert registry.find("layers", "MyNorm").distribution == "corekit-norms"

    monkeypatch.setenv("COREKIT_STRICT", "1")

    with pytest.raises(
        StrictError, match=r'3 problems:\n  corekit-odd 1.0: there is no entry-point group "corekit.layer"'
    ) as e:
        registry.find("layers", "MyNorm")
    assert 'corekit-b 1.0: its layer "Norm" has the same name as corekit-a:Norm' in str(e.value)


def test_strict_tells_of_a_hook_that_failed(norms, monkeypatch):
    norms.install("corekit-late", {"hooks": {"h": "late_hooks"}}, late_hooks="1/0")
    monkeypatch.setenv("COREKIT_STRICT", "1")
    registry = norms.registry()
    assert registry.find("layers", "MyNorm").distribution == "corekit-norms"

    assert registry.kinds_of("Late") == []
    with pytest.raises(StrictError, match="ZeroDivisionError"):
        registry.find("layers", "old_norm")


def test_strict_is_content_where_nothing_is_wrong(norms, monkeypatch):
    monkeypatch.setenv("COREKIT_STRICT", "1")

    assert norms.registry().get("layers", "MyNorm").__name__ == "MyNorm"

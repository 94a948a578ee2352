"""Broken and hostile plugins, all installed together: whoever is well stays well, and each is named with what ails it.

An animal's row says which fault it stands for: P01 takes a name that is taken, P02 fails to import, P03 ends the
program, P05 asks for what is not here, P07 has stale or doubled metadata. What a crash or a hang does, only a process
of its own can show.
"""

import dataclasses
import sys

import pytest

import corekit
from corekit.errors import AmbiguousNameError, BrokenPluginError, IncompatiblePluginError
from corekit.registry import registry
from corekit.registry.component import fold
from corekit.registry.standard import OWNERS

FINE = "class {name}: pass"
OF_BASIC = "has the name of a part of corekit-layers-basic"
HOOKS = (("hooks", "h", "{m}"),)
HOOK = "import corekit\n@corekit.hookimpl\ndef register_components(register):\n "


@dataclasses.dataclass(frozen=True)
class Animal:
    """One plugin. `module` is its code, `said` a part of what is said of it where it is asked for, or listed."""

    name: str
    row: str
    said: str
    module: str = ""
    entries: tuple[tuple[str, str, str], ...] = ()  # group, name, target; default a layer of its own
    head: str = ""
    file: tuple[str, bytes | None] | None = None  # of its metadata: what is written there instead, None for nothing


def fails(name, module, said):
    return Animal(name, "P02", said, module)


ZOO = [
    Animal("takes-dense", "P01", OF_BASIC, FINE, (("layers", "Dense", "{m}:X"),)),
    Animal("takes-adam", "P01", "of a part of corekit-optim-basic", FINE, (("optimizers", "adam", "{m}:X"),)),
    Animal("takes-case", "P01", "has the name of a part of corekit-layers", FINE, (("layers", "con_v2D", "{m}:X"),)),
    Animal("takes-each-other-a", "P01", "has the same name as", FINE, (("layers", "Rival", "{m}:Rival"),)),
    Animal("takes-each-other-b", "P01", "has the same name as", FINE, (("layers", "Rival", "{m}:Rival"),)),
    Animal("meets-itself", "P01", "told apart", FINE, (("layers", "Me", "{m}:Me"), ("layers", "ME", "{m}:ME"))),
    Animal("hooks-in-dense", "P01", OF_BASIC, HOOK + "register('layers', 'Dense', object)", HOOKS),
    fails("raises", "1/0", "ZeroDivisionError: division by zero"),
    fails("raises-odd", "class Odd(BaseException): pass\nraise Odd('me')", "Odd: me"),
    fails("syntax", "def (", "SyntaxError"),
    fails("imports-missing", "import nowhere_at_all", "No module named 'nowhere_at_all'"),
    fails("imports-itself", "from {m} import {name}", "cannot import name"),
    fails("lacks-attribute", "", "has no attribute"),
    fails("recursion", "def f(): f()\nf()", "RecursionError"),
    fails("null-byte", "x = 1\0", "null bytes"),
    Animal("no-module", "P02", "No module named", "", (("layers", "NoModule", "not_written_at_all:NoModule"),)),
    Animal("no-attribute-in-target", "P02", "was left out", "", (("layers", "NoAttribute", "{m}"),)),
    Animal("target-is-code", "P02", "was left out", "", (("layers", "IsCode", "__import__('os').system('x')"),)),
    Animal("colon-in-name", "P02", "was left out", "", (("layers", "corekit-layers-basic:Dense", "{m}:X"),)),
    Animal("misspelt-group", "P02", 'Did its author mean "corekit.layers"', "", (("layer", "Misspelt", "{m}:X"),)),
    Animal("hook-raises", "P02", "was skipped (KeyError", "raise KeyError('k')", HOOKS),
    Animal("hook-misspelt", "P02", "was skipped", HOOK.replace("components", "component") + "1", HOOKS),
    Animal("hook-raises-half-way", "P02", "was skipped (RuntimeError",
           HOOK + "register('layers', 'Half', object)\n raise RuntimeError", HOOKS),
    Animal("exits", "P03", "SystemExit: 3", "import sys; sys.exit(3)"),
    Animal("exits-in-hook", "P03", "was skipped (SystemExit", "raise SystemExit", HOOKS),
    Animal("stops-generator", "P03", "GeneratorExit", "raise GeneratorExit"),
    Animal("next-corekit", "P05", "needs corekit>=99", FINE, head="Requires-Dist: corekit>=99"),
    Animal("old-torch", "P05", "needs torch<2", FINE, head="Requires-Dist: torch<2"),
    Animal("old-python", "P05", "needs python<3", FINE, head="Requires-Python: <3"),
    Animal("lacks-dependency", "P05", "needs nowhere-at-all, which is not", FINE, head="Requires-Dist: nowhere-at-all"),
    Animal("odd-requirement", "P05", 'asks for "=) torch"', FINE, head="Requires-Dist: =) torch"),
    Animal("no-metadata", "P07", "no METADATA", FINE, file=("METADATA", None)),
    Animal("empty-metadata", "P07", "no name and version", FINE, file=("METADATA", b"")),
    Animal("no-version", "P07", "no name and version", FINE, file=("METADATA", b"Name: no-version\n")),
    Animal("metadata-of-bytes", "P07", "cannot be read", FINE, file=("METADATA", b"Name: \xff\xfe\nVersion: 1\n")),
    Animal("entries-of-bytes", "P07", "cannot be read", FINE, file=("entry_points.txt", b"[corekit.x]\n\xff = 1\n")),
    Animal("entries-without-equals", "P07", "the line 'Norm'", FINE, file=("entry_points.txt", b"[corekit.x]\nNorm\n")),
]  # fmt: skip


@pytest.fixture
def zoo(site, monkeypatch):
    """All of them, a healthy plugin, and a doubled one; the names have the owners that they have for users."""
    owners = {(kind, fold(name)): owner for kind, names in OWNERS.items() for name, owner in names.items()}
    monkeypatch.setattr(registry, "_owner_of", owners)
    site.install("corekit-layers-basic", {"layers": {"Dense": "own_dense:Dense"}}, own_dense="class Dense: pass")
    site.install("healthy", {"layers": {"Healthy": "healthy:Healthy"}}, healthy="class Healthy: pass")
    for version in ("1.0", "2.0"):
        site.install(
            "doubled", {"layers": {"Doubled": "doubled:Doubled"}}, version=version, doubled="class Doubled: pass"
        )
    for animal in ZOO:
        module = f"zoo_{animal.name.replace('-', '_')}"
        words = {"m": module, "name": class_of(animal)}
        entries: dict[str, dict[str, str]] = {}
        for group, name, target in animal.entries or (("layers", "{name}", "{m}:{name}"),):
            entries.setdefault(group, {})[filled(name, words)] = filled(target, words)
        site.install(
            animal.name, entries, head=animal.head and f"{animal.head}\n", **{module: filled(animal.module, words)}
        )
        if animal.file:
            path = site.root / "site" / f"{animal.name.replace('-', '_')}-1.0.dist-info" / animal.file[0]
            path.unlink() if animal.file[1] is None else path.write_bytes(animal.file[1])
    return site


def class_of(animal):
    return animal.name.replace("-", " ").title().replace(" ", "")


def filled(text, words):
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def told(animal):
    """What is said of an animal: as an error where its layer is asked for, else among the problems."""
    said = []
    own = f"{animal.name}:{class_of(animal)}"
    if registry.meant("layers", own):
        with pytest.raises(BrokenPluginError) as caught:
            registry.get("layers", own)
        assert isinstance(caught.value, IncompatiblePluginError) == (animal.row == "P05")
        said.append(str(caught.value))
    registry.kinds_of("nothing-has-this")  # loads hook modules
    return "\n".join([*said, *(str(problem) for problem in registry.problems() if problem.distribution == animal.name)])


def test_there_are_enough_animals():
    assert len({animal.name for animal in ZOO}) == len(ZOO) > 35


@pytest.mark.parametrize("animal", ZOO, ids=lambda animal: f"{animal.row}-{animal.name}")
def test_each_is_named_with_what_ails_it(zoo, animal):
    assert animal.said in told(animal)


def test_whoever_is_well_stays_well(zoo):
    for animal in ZOO:
        told(animal)

    assert corekit.layers.Healthy.__module__ == "healthy"
    assert registry.get("layers", "Healthy").__name__ == "Healthy"
    assert {"Healthy", "Dense", "Doubled"} <= set(dir(corekit.layers))


def test_no_standard_name_is_taken(zoo):
    for animal in ZOO:
        told(animal)

    assert corekit.layers.Dense.__module__ == "own_dense"
    for kind, names in OWNERS.items():
        for name, owner in names.items():
            assert {component.distribution for component in registry.meant(kind, name)} <= {owner}


def test_listing_them_imports_none(zoo):
    registry.problems()
    registry.components()
    for kind in OWNERS:
        registry.names(kind)

    assert not [name for name in sys.modules if name.startswith("zoo_")]


def test_a_doubled_plugin_works_and_is_reported(zoo):
    assert registry.find("layers", "Doubled").version == "2.0"
    assert "installed more than once" in "\n".join(str(p) for p in registry.problems() if p.distribution == "doubled")


def test_two_rivals_are_both_named(zoo):
    with pytest.raises(AmbiguousNameError, match="takes-each-other-a:Rival, takes-each-other-b:Rival"):
        registry.get("layers", "Rival")

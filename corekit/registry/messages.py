"""What the registry says when a name does not resolve: what was meant, what is installed, what to install or write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corekit.registry.component import KINDS, LOCAL, Component, canonical, fold, singular

if TYPE_CHECKING:
    from corekit.registry.found import Problem
    from corekit.registry.resolution import Registry

SHOWN_FAILURES = 3


def unknown(registry: Registry, kind: str, name: str) -> str:
    """Say that no component of this kind has the name or id, and what to do."""
    what = f'there is no {singular(kind)} called "{name}".'
    distribution, colon, bare = name.rpartition(":")
    if colon:
        return what + _unknown_id(registry, kind, canonical(distribution), bare) + _failures(registry)
    owner = registry.owner(kind, name)
    if owner is not None:
        return f"{what}\n  {_install(owner)}" + _failures(registry)
    near = _nearest(name, {n for c in registry.components(kind) for n in c.targets})
    hint = f'  Did you mean "{near}"?' if near else ""
    return f"{what}{hint}\n  {inventory(registry, kind)}" + _failures(registry)


def unknown_anywhere(registry: Registry, name: str) -> str:
    """Say that nothing of any kind has the name or id, and what to do."""
    what = f'nothing installed is called "{name}".'
    distribution, colon, bare = name.rpartition(":")
    if colon:
        mine = {n for c in registry.components() if c.distribution == canonical(distribution) for n in c.targets}
        near = _nearest(bare, mine)
        hint = f'  Did you mean "{canonical(distribution)}:{near}"?' if near else ""
        has = f"`corekit list` shows what {canonical(distribution)} has." if mine else _no_plugin(distribution)
        return f"{what}{hint}\n  {has}" + _failures(registry)
    owners = sorted({owner for kind in KINDS if (owner := registry.owner(kind, name)) is not None})
    if owners:
        return f"{what}\n  {_install(owners[0])}" + _failures(registry)
    near = _nearest(name, {n for c in registry.components() for n in c.targets})
    hint = f'  Did you mean "{near}"?' if near else ""
    return f"{what}{hint}\n  `corekit list` shows all that is installed." + _failures(registry)


def clash(kind: str, name: str, components: list[Component]) -> str:
    """Say that a bare name means several components, and how to choose."""
    ids = sorted(component.id for component in components)
    return (
        f'{len(ids)} installed plugins have a {singular(kind)} called "{name}": {", ".join(ids)}.\n'
        f'  Write the id of the one you mean, for example corekit.get("{kind}", "{ids[0]}").\n'
        f'  Or settle it:  prefer = ["{ids[0]}"]  under [tool.corekit] in pyproject.toml, COREKIT_PREFER={ids[0]}, or '
        f'with corekit.prefer("{ids[0]}").'
    )


def disabled(component: Component, reason: str) -> str:
    """Say that a policy forbids a component, and which."""
    return f'{singular(component.kind)} "{component.id}" is switched off: {reason}.'


def hidden(component: Component, name: str, meant: list[Component], owner: str | None) -> str:
    """Say why a name does not mean the component that carries it, and how to reach it."""
    if owner not in (None, component.distribution):
        why = f'has the name of a part of {owner}, which keeps it. Write its id: "{component.id}".'
    elif component in meant:
        others = ", ".join(sorted(other.id for other in meant if other is not component))
        why = f'has the same name as {others}, so the bare name is an error. Write its id: "{component.id}".'
    elif component.value is None:
        why = f'is not what the bare name means: {meant[0].id} is preferred. Write its id: "{component.id}".'
    else:
        others = ", ".join(sorted(other.id for other in meant))
        why = f'was added by a hook, and {others} has the name already. Write its id: "{component.id}".'
    return f'its {singular(component.kind)} "{name}" {why}'


def incompatible(component: Component, lack: str) -> str:
    """Say that a component's distribution cannot run here, and what would help."""
    return (
        f'{singular(component.kind)} "{component.id}" (version {component.version}) cannot be used here: {lack}\n'
        "  Its code was not imported. Every other plugin still works."
    )


def renamed(component: Component, old: str) -> str:
    """Say that a component is called otherwise now."""
    what = f'{singular(component.kind)} "{old}" of {component.distribution}'
    return f'{what} is called "{component.name}" now: write "{component.id}".'


def strict(problems: list[Problem]) -> str:
    """Say what is wrong with installed plugins, where somebody wants to hear of all of it."""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    lines = "".join(f"\n  {problem}" for problem in problems)
    return f"COREKIT_STRICT=1, and installed plugins have {count}:{lines}"


def _nearest(name: str, names: set[str]) -> str | None:
    import difflib  # only where something is wrong

    known = {fold(n): n for n in sorted(names, reverse=True)}  # of one name's spellings, the class's comes last
    near = difflib.get_close_matches(fold(name), known, n=1)
    return known[near[0]] if near else None


def _install(owner: str) -> str:
    return f"It belongs to {owner}, which is not installed:  pip install {owner}"


def _unknown_id(registry: Registry, kind: str, distribution: str, bare: str) -> str:
    mine = sorted(c.name for c in registry.components(kind) if c.distribution == distribution)
    if distribution == LOCAL:
        return f'\n  Define "{bare}", with @corekit.register above it, before this line.'
    if mine:
        near = _nearest(bare, set(mine))
        hint = f'  Did you mean "{distribution}:{near}"?' if near else ""
        return f"{hint}\n  {distribution} has these {kind}: {', '.join(mine)}."
    if any(c.distribution == distribution for c in registry.components()):
        return f"\n  {distribution} is installed, but has no {kind}."
    owned = registry.owner(kind, bare) == distribution
    return f"\n  {_install(distribution) if owned else _no_plugin(distribution)}"


def _no_plugin(distribution: str) -> str:
    return f"No plugin called {canonical(distribution)} is installed."


def inventory(registry: Registry, kind: str) -> str:
    """Say what of a kind is installed, or what to install."""
    by_distribution: dict[str, list[str]] = {}
    for c in registry.components(kind):
        by_distribution.setdefault(f"{c.distribution} {c.version}".rstrip(), []).append(c.name)
    if not by_distribution:
        owners = sorted(set(registry.owners.get(kind, {}).values()))
        install = f"  pip install {' '.join(owners)}" if owners else ""
        return f"No {kind} are installed.{install}"
    parts = [f"{', '.join(names)} ({owner})" for owner, names in sorted(by_distribution.items())]
    return f"Known {kind}: {'; '.join(parts)}."


def _failures(registry: Registry) -> str:
    failures = registry.failures()
    more = len(failures) - SHOWN_FAILURES
    lines = [f"\n  Not available: {failure}" for failure in failures[:SHOWN_FAILURES]]
    return "".join(lines) + (f"\n  ... and {more} more: see `corekit list`." if more > 0 else "")

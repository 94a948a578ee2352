"""Reads what is installed: entry points to components. Imports no plugin and decides nothing between distributions."""

from __future__ import annotations

import re

from corekit.registry import environment, looking, metadata
from corekit.registry.component import KINDS, Component, canonical, described, fold, spelled
from corekit.registry.found import HookModule, Problem, Scan
from corekit.registry.looking import PREFIX, Found
from corekit.registry.standard import STANDARD

HOOKS = "hooks"
RENAMED = "renamed"
_TARGET = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(?:\[.*\])?")  # module:attribute, perhaps with [extras]


def scan() -> Scan:
    """Read the entry points of every plugin on the path; one whose metadata is damaged is named and skipped.

    A second copy of a distribution's metadata is left out: the first on the path is the one that Python imports.
    """
    seen = looking.look(environment.search_path())
    found = Scan(files=seen.files)
    for plugin in seen.plugins:
        try:
            _read_distribution(found, plugin)
        except Exception as error:
            message = f"its metadata in {plugin.where} cannot be read ({described(error)}). Reinstall it."
            found.problems.append(Problem(plugin.name, "", message))
    found.components.sort(key=lambda component: (component.kind, component.name, component.distribution))
    found.hooks.sort(key=lambda hook: (hook.distribution, hook.module))
    found.problems.sort(key=lambda problem: (problem.distribution, problem.message))
    return found


def _read_distribution(found: Scan, plugin: Found) -> None:
    if plugin.fault is not None:
        raise plugin.fault
    groups = metadata.groups_of(plugin.entry_points, PREFIX)
    if not groups:
        return
    head = metadata.head_of(plugin.read_metadata())
    name, version = canonical(head.name), head.version
    found.needs[name] = head.needs
    renamed = groups.pop(RENAMED, {})
    for group, entries in sorted(groups.items()):
        _read_group(found, group, entries, name, version)
    if renamed:
        mistakes = _rename([one for one in found.components if one.distribution == name], renamed)
        found.problems += [Problem(name, version, mistake) for mistake in mistakes]
    if plugin.copies:
        places = ", ".join(plugin.copies)
        message = f"its metadata is installed more than once: used is {plugin.where}, not {places}. Remove the others."
        found.problems.append(Problem(name, version, message))


def _rename(components: list[Component], renamed: dict[str, str]) -> list[str]:
    """Have components of one distribution answer to names that they had once; return what is wrong, in sentences.

    Args:
        components: all of them.
        renamed: as its metadata has it: old name -> "kind:new name". The old name is a whole id where the component
            came from another distribution; those of standard distributions are never a stranger's.
    """
    mistakes = []
    for entry, value in sorted(renamed.items()):
        kind, _, new = (part.strip() for part in value.partition(":"))
        origin, old = entry.rpartition(":")[0], spelled(entry)
        taken = any(fold(old) in map(fold, one.targets) for one in components if one.kind == kind)
        now = next((one for one in components if one.kind == kind and new in one.targets), None)
        if now is None:
            why = f'it has no "{new}" among its {kind}'
        elif taken:
            why = "it has that name still"
        elif canonical(origin) in STANDARD and now.distribution not in STANDARD:
            why = f"it cannot speak for {origin}"
        else:
            now.targets[old], now.old = now.targets[new], (*now.old, old)
            continue
        mistakes.append(
            f'its entry  {entry} = "{value}"  in {PREFIX}{RENAMED} was left out: {why}. '
            'Its author must write it as  OldName = "layers:NewName".'
        )
    return mistakes


def _read_group(found: Scan, group: str, entries: dict[str, str], distribution: str, version: str) -> None:
    if group == HOOKS:
        found.hooks += [HookModule(distribution, version, value) for value in sorted({*entries.values()})]
    elif group in KINDS:
        components, mistakes = group_names(group, entries, distribution, version)
        found.components += components
        found.problems += [Problem(distribution, version, mistake) for mistake in mistakes]
    else:
        import difflib  # hardly ever needed

        near = difflib.get_close_matches(group, [*KINDS, HOOKS, RENAMED], n=1)
        hint = f' Did its author mean "{PREFIX}{near[0]}"?' if near else ""
        message = f'there is no entry-point group "{PREFIX}{group}", so what it lists there is left out.{hint}'
        found.problems.append(Problem(distribution, version, message))


def group_names(
    kind: str, entries: dict[str, str], distribution: str, version: str
) -> tuple[list[Component], list[str]]:
    """Turn one distribution's names of one kind into components.

    Names with one target are one component: its own name and its aliases. A class and a function of one module
    whose names differ only in case and underscores (`MeanSquaredError`, `mean_squared_error`) are one component as
    well, named after the class.

    Returns:
        The components, and a sentence for each mistake: an entry that cannot be read, or a component whose folded
        name meets that of a different one. What a sentence names is left out.
    """
    names_of, mistakes = _names_by_target(kind, entries)
    by_fold: dict[str, Component] = {}
    components: list[Component] = []
    for target in sorted(names_of, key=lambda target: (_is_function(target), target)):
        names = names_of[target]
        attribute = target.rpartition(":")[2]
        own = attribute if attribute in names else names[0]
        component = by_fold.get(fold(own))
        if component is None or not _are_twins(component.targets[component.name], target):
            component = Component(kind, own, distribution, version)
        meeting = [name for name in names if by_fold.get(fold(name), component) is not component]
        if meeting:
            rival = next(known for known in by_fold[fold(meeting[0])].targets if fold(known) == fold(meeting[0]))
            mistakes.append(
                f'its {kind} "{rival}" and "{meeting[0]}" are told apart only by case or underscores; '
                f'"{own}" was left out. Its author must rename one.'
            )
            continue
        if component.name not in component.targets:
            components.append(component)
        component.targets.update(dict.fromkeys(names, target))
        by_fold.update(dict.fromkeys(map(fold, names), component))
    return components, mistakes


def _names_by_target(kind: str, entries: dict[str, str]) -> tuple[dict[str, list[str]], list[str]]:
    names_of: dict[str, list[str]] = {}
    mistakes: list[str] = []
    for name, value in sorted(entries.items()):
        match = _TARGET.fullmatch(value.strip())
        if match is None or ":" in name:
            mistakes.append(
                f'its entry  {name} = "{value}"  in {PREFIX}{kind} was left out: '
                'its author must write it as  Name = "module:Name".'
            )
        else:
            names_of.setdefault(f"{match[1]}:{match[2]}", []).append(name)
    return names_of, mistakes


def _is_function(target: str) -> bool:
    attribute = target.rpartition(".")[2].rpartition(":")[2]
    return attribute == attribute.lower()


def _are_twins(first: str, second: str) -> bool:
    """Return whether two targets are a class and a function of one module."""
    same_module = first.partition(":")[0] == second.partition(":")[0]
    return same_module and not _is_function(first) and _is_function(second)

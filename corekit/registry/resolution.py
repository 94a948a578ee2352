"""From a name to a component: exact first, then blind to case and underscores; nothing is decided by path order."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from corekit.errors import (
    AmbiguousNameError,
    ArgumentError,
    BrokenPluginError,
    DisabledPluginError,
    IncompatiblePluginError,
    StrictError,
    UnknownNameError,
)
from corekit.registry import index, messages, policy, record, shown
from corekit.registry.component import KINDS, LOCAL, Component, canonical, check_kind, described, fold, may_be, spelled
from corekit.registry.fitness import Fitness
from corekit.registry.found import HookModule, Problem, Scan
from corekit.registry.hooked import Hooked
from corekit.registry.policy import Policy
from corekit.registry.standard import OWNERS
from corekit.registry.view import View


class Registry:
    """The installed components, read at the first look-up.

    What entry points and the program itself offer is asked first. Hook modules are loaded on the first miss, and
    answer only what the others cannot, so that a name never changes its meaning when they are.

    Args:
        scan: how to read the environment; tests hand over one of their own.
        rescan: how to read it where what `scan` gives was kept from before, and a name is missing in it.
        owners: kind -> name -> the standard distribution that owns the name, installed or not.
    """

    def __init__(
        self,
        scan: Callable[[], Scan] = index.current,
        rescan: Callable[[], Scan] = index.fresh,
        owners: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self._scan, self._rescan = scan, rescan
        self._has_rescanned = False
        self.owners = OWNERS if owners is None else owners
        self._owner_of = {(kind, fold(n)): o for kind, names in self.owners.items() for n, o in names.items()}
        self._found: Scan | None = None
        self._hooked = Hooked()
        self._local: list[Component] = []
        self._fitness = Fitness()
        self._declared: Policy | None = None
        self._views: dict[Policy, View] = {}  # by what `with` statements add to what is declared
        self._broken: dict[tuple[str, str], Problem] = {}
        self._told: set[tuple[str, str]] = set()  # old names that somebody was warned of
        self.meanings: dict[tuple[str, str], set[str]] = {}  # kind and name -> ids that `get` found for it

    # What is there

    def components(self, kind: str | None = None) -> list[Component]:
        """List the components, of one kind or of all, sorted by kind, name and distribution. Imports no plugin."""
        every = [*self._read().components, *self._local, *self._hooked.components]
        mine = [component for component in every if kind in (None, component.kind)]
        return sorted(mine, key=lambda component: (component.kind, component.name, component.distribution))

    def names(self, kind: str) -> list[str]:
        """List the names that attribute access answers to: no name that would raise for a clash, no shadowed one."""
        names = {name for component in self.components(kind) for name in (component.name, *component.aliases)}
        return sorted(name for name in names if len(self._meant(kind, name, exact=True, hooks=False)) == 1)

    def kinds_of(self, name: str) -> list[str]:
        """List the kinds in which the name or id means something. Loads hook modules only if there is none."""
        found = ([kind for kind in KINDS if self._meant(kind, name, exact=False, hooks=h)] for h in (False, True))
        return next(filter(None, found), [])

    def problems(self) -> list[Problem]:
        """List what is wrong with installed plugins, as far as it is known: mistakes, failed loads, hidden names."""
        hidden = [
            Problem(component.distribution, component.version, message)
            for component in self.components()
            if self.refusal(component) is None
            for name in component.targets
            if ":" not in name and (message := self._hidden(component, name))
        ]
        return [*self.failures(), *hidden]

    def failures(self) -> list[Problem]:
        """List the plugins' mistakes and failed loads: what may be the reason that a name is unknown."""
        return [*self._read().problems, *self._hooked.problems, *self._broken.values()]

    def pending_hooks(self) -> list[str]:
        """List the distributions whose hook modules may add more components and were not loaded yet."""
        return sorted({hook.distribution for hook in self._hooks_to_run()})

    def refusal(self, component: Component) -> str | None:
        """Return which decision forbids a component, as part of a sentence; None where it may be used."""
        return policy.refusal(self._view().policy, component.distribution, component.id)

    def lack(self, distribution: str) -> str:
        """Return why a distribution cannot run here, in a sentence; "" where it can. See `Fitness`."""
        return self._fitness.lack(distribution, self._read(), lambda: self._view().allowed(self.components("ops")))

    def status(self, component: Component) -> tuple[str, str]:
        """Return how a component stands, in a word and a sentence: ok, disabled, incompatible, broken or shadowed.

        Imports none. What only an import, or a look at all that is installed, could tell is what `corekit doctor` saw,
        or a failed load in this process. A component is shadowed if its own name is somebody else's or means several:
        its id still works.
        """
        if (reason := self.refusal(component)) is not None:
            return "disabled", f"{reason}."
        if (problem := self._broken.get((component.kind, component.id))) is not None:
            return "broken", problem.message
        seen = record.seen(component.distribution, component.version)
        if seen.get("verdict") == "incompatible" or f"{component.kind} {component.name}" in seen.get("broken", ()):
            return seen["verdict"], seen["message"]
        hidden = self._hidden(component, component.name)
        return ("shadowed", hidden) if hidden else ("ok", "")

    def decisions(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the lists that hold now, as verb ("disable", "allow", "prefer") and names, the nearest first."""
        return [(decision.verb, decision.names) for decision in self._view().policy]

    def names_in_lists(self) -> set[str]:
        """Return what a policy may name: distributions and ids, installed or standard."""
        found = self._read()
        known = {owner for names in self.owners.values() for owner in names.values()}
        known |= {f"{owner}:{name}" for names in self.owners.values() for name, owner in names.items()}
        for component in [*found.components, *self._local]:
            known |= {component.distribution, component.id}
        known |= {problem.distribution for problem in found.problems}
        for hook in found.hooks:
            known |= {hook.distribution, f"{hook.distribution}:"}  # nobody knows yet what it adds
        return known

    def owner(self, kind: str, name: str) -> str | None:
        """Return the standard distribution that owns a name, installed or not; None if anybody may have it."""
        return self._owner_of.get((kind, fold(name)))

    # From a name to a component

    def find(self, kind: str, name: str) -> Component:
        """Resolve a bare name or an id (`distribution:Name`) to the one component it means.

        Raises:
            UnknownNameError: nobody offers it; the message suggests what was meant or what to install.
            AmbiguousNameError: two distributions offer it and neither owns it.
        """
        return self._look_up(kind, name, exact=False)

    def offering(self, kind: str, name: str) -> list[Component]:
        """Return all components that carry a bare name or an id, forbidden ones included, whatever it means."""
        distribution, colon, bare = name.rpartition(":")
        return [
            component
            for component in self.components(kind)
            if fold(bare) in map(fold, component.targets)
            and (not colon or component.distribution == canonical(distribution))
        ]

    def meant(self, kind: str, name: str) -> list[Component]:
        """Return what a bare name or an id means: one component, several that clash, or none. Loads no hook module."""
        check_kind(kind)
        return self._meant(kind, name, exact=False, hooks=False)

    def get(self, kind: str, name: str) -> Any:
        """Resolve `name` and return the object itself, importing its plugin."""
        return self._load_once(kind, name, exact=False)

    def attribute(self, kind: str, name: str) -> Any:
        """Return what `corekit.<kind>.<name>` is, or what an id in a file means: exact names only."""
        return self._load_once(kind, name, exact=True)

    def load(self, component: Component, name: str | None = None) -> Any:
        """Import a component, remembering a failure for later messages. Nothing else in corekit imports one.

        Raises:
            DisabledPluginError: a policy forbids it.
            IncompatiblePluginError: it needs what is not installed.
            BrokenPluginError: importing failed.
        """
        if (reason := self.refusal(component)) is not None:
            raise DisabledPluginError(messages.disabled(component, reason))
        if lack := self.lack(component.distribution):
            raise IncompatiblePluginError(messages.incompatible(component, lack))
        key = (component.kind, component.id)
        try:
            with record.importing(component):
                value = component.load(name)
        except BrokenPluginError as error:
            message = f"its {component.kind} {component.name} could not be loaded ({described(error.__cause__)})."
            self._broken[key] = Problem(component.distribution, component.version, message)
            raise
        self._broken.pop(key, None)
        return value

    def call_hooks(self, name: str, **facts: Any) -> None:
        """Call a hook of `HookSpecs` in every module that has it. One that raises is warned of, and the others run."""
        if self._read().hooks:  # else pluggy is not even imported
            self._hooked.load(self._hooks_to_run(), self.lack, self._read().components)
            self._hooked.call(name, facts)

    def component_of(self, kind: str, value: Any) -> Component | None:
        """Return the component whose object `value` is (a class or a function), if there is one.

        Imports nothing that `value` itself does not come from: who has the object has imported its package.
        """
        for component in self.components(kind):
            if self.refusal(component) is not None:
                continue
            if component.value is not None and component.value is value:
                return component
            for name, target in component.targets.items():
                if component.value is None and may_be(value, name, target):
                    try:
                        if self.load(component, name) is value:
                            return component
                    except BrokenPluginError:
                        continue
        return None

    # Changing it

    def add_local(self, kind: str, name: str, value: Any) -> None:
        """Register an object of the user's own program as `local:name`; a later one of that name replaces it.

        Raises:
            ArgumentError: no such kind, or a name that an id cannot hold.
        """
        check_kind(kind)
        if not name or ":" in name:
            raise ArgumentError(f'a component cannot be called "{name}": an id is "distribution:Name".')
        self._local = [c for c in self._local if (c.kind, c.name) != (kind, name)]
        target = f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', name)}"
        self._local.append(Component(kind, name, LOCAL, "", {name: target}, value))
        self._forget_views()

    def refresh(self) -> None:
        """Forget what was read; the next look-up reads the environment again."""
        self._found = self._declared = None
        self._hooked = Hooked()
        record.forget()
        self._forget_views()
        self._broken.clear()
        self._fitness = Fitness()

    @contextmanager
    def isolated(self) -> Iterator[Registry]:
        """Set aside, inside a `with`, what the program registered and what files and variables decide; for tests."""
        local, meanings = self._local, self.meanings
        self.refresh()
        self._local, self._declared, self.meanings = [], (), {}
        try:
            yield self
        finally:
            self._local, self.meanings = local, meanings
            self.refresh()

    # Inside

    def _read(self) -> Scan:
        if self._found is None:
            self._found = self._scan()
        return self._found

    def _look_again(self) -> bool:
        """Read the environment once more, since a name is missing; return whether something is different now.

        So a `pip install` in a running program or notebook is seen. Where all is as it was, the first miss of a
        process scans, for the one change that the index cannot see.
        """
        before, found = self._read().plain(), self._scan()
        if found.plain() == before and not self._has_rescanned:
            self._has_rescanned, found = True, self._rescan()
        if found.plain() == before:
            return False
        importlib.invalidate_caches()
        self.refresh()
        self._found = found
        return True

    def _load_once(self, kind: str, name: str, *, exact: bool) -> Any:
        """Return what a name means, loaded; remembered, since a model of many layers asks for few names often."""
        key, view = (kind, name, exact), self._views.get(policy.entered())
        if view is not None and key in view.loaded:
            return view.loaded[key]
        component = self._look_up(kind, name, exact=exact)
        bare = name.rpartition(":")[2]
        loaded = self.load(component, bare if exact and bare in component.targets else None)
        if not exact:
            self.meanings.setdefault((kind, name), set()).add(component.id)
        self._view().loaded[key] = loaded
        return loaded

    def _view(self) -> View:
        """Return what may be used now."""
        entered = policy.entered()
        view = self._views.get(entered)
        if view is None:
            if self._declared is None:
                self._declared = policy.declared()
            decided = (*entered, *self._declared)
            try:
                if decided:
                    policy.check(decided, self.names_in_lists())
            except ArgumentError:
                if not self._look_again():  # what is named may have been installed just now
                    raise
                return self._view()
            view = self._views[entered] = View(decided)
        return view

    def _forget_views(self) -> None:
        self._views.clear()
        shown.withdraw()

    def _look_up(self, kind: str, name: str, *, exact: bool) -> Component:
        check_kind(kind)
        meant = self._meant(kind, name, exact=exact, hooks=True)
        if not meant and self._look_again():
            meant = self._meant(kind, name, exact=exact, hooks=True)
        if not meant:
            self._raise_if_refused(kind, name)
            raise UnknownNameError(messages.unknown(self, kind, name))
        if len(meant) > 1:
            raise AmbiguousNameError(messages.clash(kind, name, meant))
        if os.environ.get("COREKIT_STRICT") == "1" and (problems := self.problems()):
            raise StrictError(messages.strict(problems))
        self._say_if_renamed(meant[0], name)
        return meant[0]

    def _say_if_renamed(self, component: Component, name: str) -> None:
        """Warn, once in a process, where a component was looked up by a name that it had once."""
        old = next((one for one in (name.rpartition(":")[2], spelled(name)) if component.was_called(one)), None)
        if old is None:
            return
        if os.environ.get("COREKIT_STRICT") == "1":
            raise StrictError(messages.renamed(component, old))
        if (component.id, old) not in self._told:
            self._told.add((component.id, old))
            warnings.warn(messages.renamed(component, old), FutureWarning, stacklevel=2)

    def _meant(self, kind: str, name: str, *, exact: bool, hooks: bool) -> list[Component]:
        """Return what a name or id means: one component, several that clash, or none.

        Args:
            exact: whether case and underscores count.
            hooks: whether to load the hook modules, if they are not loaded yet, when nobody else has the name.
        """
        distribution, colon, bare = name.rpartition(":")
        owner = None if colon else self.owner(kind, name)  # an id says itself whom it means
        for carrying in self._carrying(kind, fold(bare), canonical(distribution), hooks=hooks):
            near = [
                component
                for component in carrying
                if (not colon or component.distribution == canonical(distribution))
                and owner in (None, component.distribution)  # a stranger never steps in for a standard part
            ]
            meant = [component for component in near if bare in component.targets]
            meant = [component for component in meant if bare not in component.old] or meant
            if meant or (near and not exact):
                return policy.preferred(self._view().policy, meant or near)
        moved = self._read().named(kind, fold(spelled(name))) if colon else ()  # from another distribution
        return policy.preferred(self._view().policy, self._view().allowed(moved))

    def _raise_if_refused(self, kind: str, name: str) -> None:
        for component in self.offering(kind, name):
            if (reason := self.refusal(component)) is not None:
                raise DisabledPluginError(messages.disabled(component, reason))

    def _carrying(self, kind: str, folded: str, distribution: str, *, hooks: bool) -> Iterator[list[Component]]:
        """Yield the components that carry a name and may be used: of entry points and the program, then of hooks.

        Args:
            distribution: whose hook modules may have it, where an id says so; "" for all.
        """
        key = f"{kind}:{folded}"
        local = [component for component in self._local if key in component.keys]
        yield self._view().allowed([*self._read().named(kind, folded), *local])
        if hooks:
            waiting = [one for one in self._hooks_to_run() if distribution in ("", one.distribution)]
            self._hooked.load(waiting, self.lack, self._read().components)
        yield self._view().allowed(component for component in self._hooked.components if key in component.keys)

    def _hooks_to_run(self) -> list[HookModule]:
        decided = self._view().policy
        waiting = self._hooked.waiting(self._read().hooks)
        return [module for module in waiting if policy.refusal(decided, module.distribution) is None]

    def _hidden(self, component: Component, name: str) -> str:
        """Return why a name does not mean the component that carries it; "" where it does."""
        meant = self._meant(component.kind, name, exact=True, hooks=False)
        if meant == [component] or component.distribution == LOCAL:
            return ""
        return messages.hidden(component, name, meant, self.owner(component.kind, name))

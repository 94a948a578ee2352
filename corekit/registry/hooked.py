"""What hook modules add: each is loaded once, at the first name that nobody else has."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from corekit.errors import StrictError
from corekit.registry.component import Component
from corekit.registry.found import HookModule, Problem


class Hooked:
    """The components that hook modules added, and what went wrong with any of them."""

    def __init__(self) -> None:
        self.components: list[Component] = []
        self.problems: list[Problem] = []
        self._run: set[HookModule] = set()
        self._functions: dict[str, list[Any]] = {}  # by name of the hook

    def waiting(self, modules: Iterable[HookModule]) -> list[HookModule]:
        """Return the modules that were not loaded yet, in their order."""
        return [module for module in modules if module not in self._run]

    def load(self, modules: list[HookModule], lack: Callable[[str], str], known: Iterable[Component]) -> None:
        """Load modules that are waiting.

        Args:
            modules: in the order in which they run.
            lack: what a distribution needs and does not have, in a sentence; such a one is not loaded.
            known: what entry points offer; a hook that offers the same adds nothing.
        """
        if not modules:
            return
        from corekit.registry import hooks  # imports pluggy: only where a hook module is installed

        self._run.update(modules)  # before they run: one that looks something up must not start them again
        lacks = {module: lack(module.distribution) for module in modules}
        self.problems += [Problem(module.distribution, module.version, told) for module, told in lacks.items() if told]
        try:
            loaded = hooks.load([module for module, told in lacks.items() if not told])
        except KeyboardInterrupt:
            self._run.difference_update(modules)
            raise
        offered = {(component.kind, component.id) for component in known}
        self.components += [one for one in loaded.components if (one.kind, one.id) not in offered]
        self.problems += loaded.problems
        for name, functions in loaded.functions.items():
            self._functions.setdefault(name, []).extend(functions)

    def call(self, name: str, facts: dict[str, Any]) -> None:
        """Call a hook of all modules that have it; those that raise are warned of.

        Raises:
            StrictError: one raised, and COREKIT_STRICT=1.
        """
        if name not in self._functions:
            return
        from corekit.registry import hooks

        for problem in hooks.call(self._functions[name], facts):
            self.problems.append(problem)
            if os.environ.get("COREKIT_STRICT") == "1":
                raise StrictError(str(problem))
            warnings.warn(str(problem), RuntimeWarning, stacklevel=2)

"""The one-to-many moments that a plugin may join, on pluggy. Named components do not come this way: entry points are
cheaper, and known without an import.

Why our own loop and not pluggy's `load_setuptools_entrypoints`: that one stops at the first plugin that fails to
import, and a misspelt hook name passes in silence until somebody asks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pluggy

from corekit.registry.component import KINDS, Component, described, fold
from corekit.registry.found import HookModule, Problem

hookspec = pluggy.HookspecMarker("corekit")
hookimpl = pluggy.HookimplMarker("corekit")

Register = Callable[[str, str, Any], None]


class HookSpecs:
    """The hooks that exist. A hook module is a module with `@corekit.hookimpl` functions of these names."""

    @hookspec
    def register_components(self, register: Register) -> None:
        """Add components that are known only at run time.

        Called once, at the first look-up that entry points alone cannot answer.

        Args:
            register: call it as `register(kind, name, value)`, for example
                `register("optimizers", "Lion", LionClass)`. The component's id becomes `your-distribution:Lion`.
        """


def load(modules: list[HookModule]) -> tuple[list[Component], list[Problem]]:
    """Import the hook modules and call their `register_components`, each on its own.

    A module that fails to import, misspells a hook, or raises half-way adds nothing, is named among the problems,
    and the others still run.
    """
    components: list[Component] = []
    problems: list[Problem] = []
    for module in modules:
        try:
            components += _load_one(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a plugin must not end the program
            message = f'its hook module "{module.module}" was skipped ({described(error)}).'
            problems.append(Problem(module.distribution, module.version, message))
    return components, problems


def _load_one(module: HookModule) -> list[Component]:
    manager = pluggy.PluginManager("corekit")
    manager.add_hookspecs(HookSpecs)
    manager.register(importlib.import_module(module.module), module.distribution)
    manager.check_pending()  # a misspelt hook name raises here instead of never being called
    added: dict[tuple[str, str], Component] = {}

    def register(kind: str, name: str, value: Any) -> None:
        if kind not in KINDS:
            raise ValueError(f"register({kind!r}, {name!r}, ...): the first argument is one of {', '.join(KINDS)}")
        if not isinstance(name, str) or not name or ":" in name or value is None:
            raise ValueError(f"register({kind!r}, {name!r}, {value!r}): expected a name without a colon, and an object")
        if (kind, fold(name)) in added:
            raise ValueError(f"register({kind!r}, {name!r}, ...): it has one of that name already")
        targets = {name: f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', name)}"}
        component = Component(kind, name, module.distribution, module.version, targets, value)
        added[kind, fold(name)] = component

    manager.hook.register_components(register=register)
    return list(added.values())

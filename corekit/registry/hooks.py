"""The one-to-many moments that a plugin may join, on pluggy. Named components do not come this way: entry points are
cheaper, and known without an import.

Why our own loop and not pluggy's `load_setuptools_entrypoints`: that one stops at the first plugin that fails to
import, and a misspelt hook name passes in silence until somebody asks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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

    @hookspec
    def model_built(self, model: Any) -> None:
        """Know that a compiled model has its weights, once for each `compile`, before the optimizer takes them.

        It is the last moment to freeze or to parametrize layers, for example
        `torch.nn.utils.parametrizations.weight_norm(model.get_layer("head"), "kernel")`.
        """

    @hookspec
    def training_begins(self, model: Any) -> None:
        """Know that `fit` begins, for example `print(f"training {model.name}")`; the model is compiled."""

    @hookspec
    def training_ends(self, model: Any, history: Any) -> None:
        """Know that `fit` has come to its end, for example `upload(model.name, history.history)`."""

    @hookspec
    def model_saved(self, model: Any, path: str) -> None:
        """Know that a model was written to a file, for example `register_artifact(path)`."""

    @hookspec
    def model_loaded(self, model: Any, path: str) -> None:
        """Know that a model was read from a file, for example `print(f"{model.name} from {path}")`."""

    @hookspec
    def add_commands(self, add: Callable[[Any], None]) -> None:
        """Add commands to the command `corekit`, asked for at the first word that it does not know.

        Args:
            add: call it with a `click.Command`. One that has the name of a command of corekit's is left out.
        """

    @hookspec
    def check_installation(self, complain: Callable[[str], None]) -> None:
        """Look for what would keep the plugin from working here; `corekit doctor` asks, in a process of its own.

        Args:
            complain: call it with a sentence for each fault: what is wrong, and the line that mends it.
        """


NAMES = tuple(name for name in vars(HookSpecs) if not name.startswith("_"))


class Loaded(NamedTuple):
    """What hook modules brought: components, what is wrong, and their functions by name of the hook."""

    components: list[Component]
    problems: list[Problem]
    functions: dict[str, list[Function]]


class Function(NamedTuple):
    """A hook function, and whose it is."""

    module: HookModule
    implementation: Any  # pluggy's HookImpl


def load(modules: list[HookModule]) -> Loaded:
    """Import the hook modules and call their `register_components`, each on its own.

    A module that fails to import, misspells a hook or one of its arguments, or raises half-way adds nothing, is named
    among the problems, and the others still run.
    """
    found = Loaded([], [], {})
    for module in modules:
        try:
            manager = _manager_of(module)
            found.components.extend(_registered(module, manager))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a plugin must not end the program
            message = f'its hook module "{module.module}" was skipped ({described(error)}).'
            found.problems.append(Problem(module.distribution, module.version, message))
            continue
        for name in NAMES:
            for implementation in getattr(manager.hook, name).get_hookimpls():
                found.functions.setdefault(name, []).append(Function(module, implementation))
    return found


def call(functions: list[Function], facts: Mapping[str, Any]) -> list[Problem]:
    """Call hook functions: `tryfirst` ones first, `trylast` ones last, else by the names of their distributions.

    Returns:
        A problem for each that raised; the others were called all the same.
    """
    problems = []
    for module, how in sorted(functions, key=_order):
        try:
            how.function(**{name: facts[name] for name in how.argnames})
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            message = f'its hook {how.function.__name__} in "{module.module}" failed ({described(error)}).'
            problems.append(Problem(module.distribution, module.version, message))
    return problems


def _order(one: Function) -> tuple[bool, bool, str, str]:
    how = one.implementation
    return not how.tryfirst, how.trylast, one.module.distribution, one.module.module


def _manager_of(module: HookModule) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("corekit")
    manager.add_hookspecs(HookSpecs)
    manager.register(importlib.import_module(module.module), module.distribution)
    manager.check_pending()  # a misspelt hook name raises here instead of never being called
    return manager


def _registered(module: HookModule, manager: pluggy.PluginManager) -> list[Component]:
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

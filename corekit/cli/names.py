"""From the name of a new plugin to the names inside it: distribution, module, parts; and what a name may not be."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from corekit.errors import ArgumentError
from corekit.registry import registry
from corekit.registry.component import canonical, singular

KINDS = {
    "layer": "layers",
    "optimizer": "optimizers",
    "loss": "losses",
    "metric": "metrics",
    "op": "ops",
    "hooks": "hooks",
}
"""What `corekit new` can start -> the group of the entry point."""

IN_THE_SOURCE = {
    "Any", "ArgumentError", "ArgumentTypeError", "Callable", "Path", "Shape", "ShapeError", "Tensor", "annotations",
    "NAMES", "OPS", "ck", "functools", "pytest", "torch", "warnings",
}  # fmt: skip
"""Names that the templates' own source gives to something else; a test compares."""

_DISTRIBUTION = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508, and not a digit in front
_NEEDED_BY_PLUGINS = {
    "click", "conftest", "corekit", "hatchling", "importlib_metadata", "mypy", "numpy", "packaging", "pip", "pluggy",
    "pytest", "rich", "ruff", "tests", "torch", "triton", "xxhash",
}  # fmt: skip
_OF_THE_NAMESPACE = {  # corekit.layers and so on have these themselves
    "layers": {"Layer", "Input"},
    "optimizers": {"Optimizer"},
    "losses": {"Loss"},
    "metrics": {"Metric"},
}


@dataclass(frozen=True)
class Part:
    """One thing in a plugin.

    Args:
        kind: "layer" and so on, a key of `KINDS`.
        name: of the class, or of the function of an op; hooks have none.
        file: the module inside the package that holds it.
    """

    kind: str
    name: str
    file: str


@dataclass(frozen=True)
class PluginNames:
    """What a plugin's parts are called.

    Args:
        distribution: as the author gave it; pip installs it under this name.
        module: the package to import.
        parts: one for each kind, in the order of `KINDS`.
    """

    distribution: str
    module: str
    parts: tuple[Part, ...]


def plugin_names(name: str, kinds: Sequence[str] = ("layer",)) -> PluginNames:
    """Derive a plugin's names from the one its author gives.

    A class is named after what follows "corekit", if that is in front, and an op is a function. Where there are
    several kinds, each name ends in its kind.

    Raises:
        ArgumentError: the name cannot be a distribution's, or one of those that follow from it is taken.

    Example:
        >>> plugin_names("corekit-einops").parts
        (Part(kind='layer', name='Einops', file='einops'),)
        >>> [part.name for part in plugin_names("my-plugin", ["op", "layer"]).parts]
        ['MyPluginLayer', 'my_plugin_op']
    """
    if not _DISTRIBUTION.fullmatch(name):
        raise ArgumentError(
            f'"{name}" cannot be the name of a plugin: expected a letter, then letters, digits and single "-".\n'
            "  For example: my-plugin, corekit-einops."
        )
    names = derived(name, kinds)
    reason = _reason_against(names)
    if reason:
        own = _own_words(name)[-1].lower()
        raise ArgumentError(
            f'"{name}" cannot be the name of a plugin: {reason}.\n  Choose another, for example my-{own}.'
        )
    return names


def derived(name: str, kinds: Sequence[str]) -> PluginNames:
    """Derive the names of a plugin that exists, whatever has been taken since; `name` can be a distribution's."""
    own = _own_words(name)
    camel, snake = "".join(word[0].upper() + word[1:] for word in own), "_".join(own).lower()
    is_mix = len(kinds) > 1
    parts = []
    for kind in KINDS:
        if kind not in kinds:
            continue
        called = f"{camel}{kind.capitalize()}" if is_mix else camel
        if kind == "op":
            called = f"{snake}_op" if is_mix else snake
        parts.append(Part(kind, "" if kind == "hooks" else called, kind if is_mix else snake))
    return PluginNames(name, "_".join(_words(name)).lower(), tuple(parts))


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[._-]+", name) if word]


def _own_words(name: str) -> list[str]:
    words = _words(name)
    return words[1:] if words[0].lower() == "corekit" and len(words) > 1 else words


def _reason_against(names: PluginNames) -> str | None:
    owners = {owner for owned in registry.owners.values() for owner in owned.values()}
    if canonical(names.distribution) in {*owners, "corekit"}:
        return f"{canonical(names.distribution)} is a distribution of corekit's own"
    if names.module in {*sys.stdlib_module_names, *_NEEDED_BY_PLUGINS}:
        return f'its module "{names.module}" would hide the one that Python or the plugin itself needs'
    if not names.module.isidentifier() or keyword.iskeyword(names.module):
        return f'"{names.module}" is no name in Python'
    reasons = (_reason_against_part(part) for part in names.parts)
    return next((reason for reason in reasons if reason), None)


def _reason_against_part(part: Part) -> str | None:
    group = KINDS[part.kind]
    for word in (part.file, part.name or part.file):
        if keyword.iskeyword(word) or not word.isidentifier():
            return f'"{word}" is no name in Python'
    if part.kind == "hooks":
        return None
    owner = registry.owner(group, part.name)
    if owner is not None:
        return f'the {singular(group)} "{part.name}" belongs to {owner}'
    if part.name in _OF_THE_NAMESPACE.get(group, ()):
        return f"corekit.{group}.{part.name} is something else already"
    if part.name in IN_THE_SOURCE or hasattr(builtins, part.name):
        return f'"{part.name}" is something else in its own source'
    return None

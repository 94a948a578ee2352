"""From the name of a new plugin to the names inside it: distribution, module, class; and what a name may not be."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass

from corekit.errors import ArgumentError
from corekit.registry import registry
from corekit.registry.component import canonical

_DISTRIBUTION = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508, and not a digit in front
_IMPORTED_BY_PLUGINS = {"corekit", "numpy", "torch", "pytest"}
_OF_THE_NAMESPACE = {"Layer", "Input"}  # corekit.layers has these itself


@dataclass(frozen=True)
class PluginNames:
    """What a plugin's parts are called.

    Args:
        distribution: as the author gave it; pip installs it under this name.
        module: the package to import.
        class_name: of its first layer.
        file: the module inside the package that holds the class.
    """

    distribution: str
    module: str
    class_name: str
    file: str


def plugin_names(name: str) -> PluginNames:
    """Derive a plugin's names from the one its author gives.

    The class is named after what follows "corekit", if that is in front.

    Raises:
        ArgumentError: the name cannot be a distribution's, or one of those that follow from it is taken.

    Example:
        >>> plugin_names("corekit-einops")
        PluginNames(distribution='corekit-einops', module='corekit_einops', class_name='Einops', file='einops')
        >>> plugin_names("my-plugin").class_name
        'MyPlugin'
    """
    if not _DISTRIBUTION.fullmatch(name):
        raise ArgumentError(
            f'"{name}" cannot be the name of a plugin: expected a letter, then letters, digits and single "-".\n'
            "  For example: my-plugin, corekit-einops."
        )
    words = [word for word in re.split(r"[._-]+", name) if word]
    own = words[1:] if words[0].lower() == "corekit" and len(words) > 1 else words
    module = "_".join(words).lower()
    class_name = "".join(word[0].upper() + word[1:] for word in own)
    names = PluginNames(name, module, class_name, "_".join(own).lower())
    reason = _reason_against(names)
    if reason:
        raise ArgumentError(
            f'"{name}" cannot be the name of a plugin: {reason}.\n  Choose another, for example my-{own[-1].lower()}.'
        )
    return names


def _reason_against(names: PluginNames) -> str | None:
    owners = {owner for owned in registry.owners.values() for owner in owned.values()}
    if canonical(names.distribution) in {*owners, "corekit"}:
        return f"{canonical(names.distribution)} is a distribution of corekit's own"
    if names.module in {*sys.stdlib_module_names, *_IMPORTED_BY_PLUGINS}:
        return f'its module "{names.module}" would hide the one that Python or the plugin itself needs'
    for word in (names.module, names.file, names.class_name):
        if keyword.iskeyword(word) or not word.isidentifier():
            return f'"{word}" is no name in Python'
    owner = registry.owner("layers", names.class_name)
    if owner is not None:
        return f'the layer "{names.class_name}" belongs to {owner}'
    if names.class_name in _OF_THE_NAMESPACE:
        return f"corekit.layers.{names.class_name} is something else already"
    return None

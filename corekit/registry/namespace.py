"""Makes a module such as `corekit.layers` a live view of one kind: attributes are components, loaded when touched."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from corekit.registry import shown


def namespace(
    kind: str, *, own: Mapping[str, str] | None = None, adapt: str | None = None, getter: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` (PEP 562) of a module that shows one kind.

    Args:
        kind: the kind to show.
        own: names that are not components but belong here -> "module:attribute", such as the base class.
        adapt: "module:function" that a component passes through on its way out, as `function(value, name)`;
            layers use it to make any `nn.Module` class a layer class.
        getter: "module:function" that becomes the namespace's `get(spec)`, as `function(kind, spec)`.
    """
    own = own or {}
    registry: Any = None  # not at import: `import corekit.layers` reads nothing yet

    def home() -> dict[str, Any]:
        module = getattr(sys.modules.get(f"corekit.{kind}"), "__dict__", {})
        return module if module.get("__getattr__") is __getattr__ else {}  # this one may show the kind elsewhere

    def __getattr__(name: str) -> Any:
        nonlocal registry
        if name.startswith("_"):  # Python's own probes, such as __path__ and __wrapped__
            raise AttributeError(f"corekit.{kind} has no attribute {name!r}")
        if name in own:
            return fetch(own[name])
        if name == "get" and getter is not None:
            get = functools.partial(fetch(getter), kind)
            shown.show(home(), name, get)  # layers ask for it several times each
            return get
        if registry is None:
            registry = fetch("corekit.registry:registry")
        value = registry.attribute(kind, name)
        value = value if adapt is None else fetch(adapt)(value, name)
        shown.show(home(), name, value)
        return value

    def __dir__() -> list[str]:
        from corekit.registry import registry

        return sorted({*own, *registry.names(kind), *(["get"] if getter else [])})

    return __getattr__, __dir__


@functools.cache
def fetch(target: str) -> Any:
    """Import and return "module:attribute", or the module where there is no attribute."""
    module, _, attribute = target.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded

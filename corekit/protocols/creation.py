"""From what a user writes for a part ("relu", an id, a config, a class, an object) to the part itself."""

from __future__ import annotations

from typing import Any

from corekit.errors import ArgumentError, ArgumentTypeError
from corekit.protocols.configurable import Configurable
from corekit.registry import registry


def create(kind: str, spec: Any) -> Any:
    """Return the object that `spec` describes.

    Args:
        kind: "layers", "initializers", ... (`corekit.registry.KINDS`).
        spec: None (stays None), a name or id, `{"id": ..., "config": {...}}`, a class, or a ready object.

    Returns:
        An instance where the name is a class's; the function itself where it is a function's.

    Raises:
        UnknownNameError: no installed distribution has the name.
        ArgumentError: the class needs arguments, and none were given.
        ArgumentTypeError: `spec` is none of these.

    Example:
        >>> create("initializers", "zeros")((2,))
        tensor([0., 0.])
    """
    if spec is None:
        return None
    if isinstance(spec, str):
        found = registry.get(kind, spec)
        return _instance(kind, found, spec) if isinstance(found, type) else found
    if isinstance(spec, dict):
        name = spec.get("id", spec.get("class_name"))
        if not isinstance(name, str):
            raise ArgumentError(f'{kind}: {spec!r} names no component. Write {{"id": "...", "config": {{...}}}}.')
        found = registry.get(kind, name)
        config = spec.get("config", {})
        if isinstance(found, type):
            return found.from_config(config) if hasattr(found, "from_config") else found(**config)
        if config:
            raise ArgumentError(f'{kind} "{name}" is a function: it takes no config, got {config!r}.')
        return found
    if isinstance(spec, type):
        return _instance(kind, spec, spec.__name__)
    if callable(spec) or isinstance(spec, Configurable):
        return spec
    raise ArgumentTypeError(
        f"{kind}: got {spec!r} ({type(spec).__name__}); expected a name, a config dict, a class or an object."
    )


def _instance(kind: str, cls: type, name: str) -> Any:
    try:
        return cls()
    except TypeError as error:
        raise ArgumentError(
            f'{kind} "{name}" needs arguments: {error}.\n'
            f"  Make the object yourself: corekit.{kind}.{cls.__name__}(...), or write "
            f'{{"id": "{name}", "config": {{...}}}}.'
        ) from error

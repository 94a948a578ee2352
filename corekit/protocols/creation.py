"""From what a user writes for a part ("relu", an id, a config, a class, an object) to the part itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from corekit.errors import ArgumentError, ArgumentTypeError
from corekit.protocols.configurable import Configurable
from corekit.registry import registry

_MEANT: ContextVar[Mapping[tuple[str, str], Any]] = ContextVar("corekit_meant", default=MappingProxyType({}))


@contextmanager
def meaning(parts: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    """Let names mean given parts inside a `with`, by kind and name: what they meant where a model was saved."""
    token = _MEANT.set(parts)
    try:
        yield
    finally:
        _MEANT.reset(token)


def named(kind: str, name: str) -> Any:
    """Return the class or function that a name or id means here, importing its plugin.

    Raises:
        UnknownNameError: no installed distribution has it.
    """
    meant = _MEANT.get()
    return meant[kind, name] if (kind, name) in meant else registry.get(kind, name)


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
        found = named(kind, spec)
        return _instance(kind, found, spec) if isinstance(found, type) else found
    if isinstance(spec, dict):
        name = spec.get("id", spec.get("class_name"))
        if not isinstance(name, str):
            raise ArgumentError(f'{kind}: {spec!r} names no component. Write {{"id": "...", "config": {{...}}}}.')
        found = named(kind, name)
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

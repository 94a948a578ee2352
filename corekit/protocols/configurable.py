"""Objects that can be described as data: constructor arguments are recorded, so `get_config` need not be written."""

from __future__ import annotations

import difflib
import inspect
from typing import Any, Self

from corekit.errors import ArgumentTypeError

POSITIONAL = "*args"


class Configurable:
    """Records the arguments of its own construction.

    `get_config` gives them back by name, defaults included (a default that changes in a later release must not
    change what a file means); `from_config` makes an equal object. Both may be overridden; they need to be only
    where an argument is not what the object should be rebuilt from.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Record the arguments; a class's own `__init__` runs after this."""
        self = super().__new__(cls)
        object.__setattr__(self, "_arguments", (args, kwargs))
        return self

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments by name, as they were given."""
        args, kwargs = self._arguments
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        config: dict[str, Any] = {}
        for parameter in list(signature.parameters.values())[1:]:
            value = bound.arguments[parameter.name]
            if parameter.kind is parameter.VAR_KEYWORD:
                config.update(value)
            elif parameter.kind is parameter.VAR_POSITIONAL:
                if value:
                    config[POSITIONAL] = list(value)
            else:
                config[parameter.name] = value
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned."""
        config = dict(config)
        return cls(*config.pop(POSITIONAL, ()), **config)


def refuse_unknown(cls: type, unknown: dict[str, Any], known: tuple[str, ...] = ()) -> None:
    """Raise for keyword arguments that nobody took, with the name that was probably meant.

    Raises:
        ArgumentTypeError: `unknown` is not empty.
    """
    if not unknown:
        return
    name = next(iter(unknown))
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    near = difflib.get_close_matches(name, [*names, *known], n=1)
    hint = f"  Did you mean {near[0]}=...?" if near else ""
    raise ArgumentTypeError(
        f"{cls.__name__}({name}={unknown[name]!r}): there is no such argument.{hint}\n"
        f"  Arguments: {', '.join([*names, *known])}."
    )

"""Every error that corekit raises for users: one family, so that `except corekit.CorekitError` catches all.

A message says where, what came, what was expected and the line to write instead; its first line stands alone in a log.
This file is the ground floor: it imports nothing, and every other part of corekit may import it.
"""


class CorekitError(Exception):
    """The root of the family."""


class UnknownNameError(CorekitError, AttributeError, LookupError):
    """No installed distribution has a component of that name.

    It is an `AttributeError` too, so that `hasattr(corekit.layers, "Dens")` is False instead of a crash.
    """


class AmbiguousNameError(CorekitError, LookupError):
    """Two distributions offer the name and neither owns it, so the id must be written."""


class BrokenPluginError(CorekitError, ImportError):
    """A component exists but its distribution's code failed to import; the plugin's own error is the cause."""


class IncompatiblePluginError(BrokenPluginError):
    """A component's distribution asks for a Python, corekit, torch or other package that is not here."""


class StrictError(CorekitError, RuntimeError):
    """Something is wrong with an installed plugin, and `COREKIT_STRICT=1` asks to hear of it before anything is used.

    Without it, such things are shown by `corekit list` and harm nobody else.
    """


class DisabledPluginError(CorekitError, AttributeError, LookupError):
    """A component is there, but the environment, the project, the user or a `with` statement has switched it off."""


class ArgumentError(CorekitError, ValueError):
    """An argument has a value that corekit cannot use."""


class ArgumentTypeError(CorekitError, TypeError):
    """An argument has a type that corekit cannot use."""


class ShapeError(CorekitError, ValueError):
    """A tensor's shape does not fit the place where it was used."""


class LayerError(CorekitError, RuntimeError):
    """A layer class is not written as the layer contract asks."""


class StateError(CorekitError, RuntimeError):
    """A call came too early: the model is not built, not compiled, or the optimizer has no parameters."""


class DataError(CorekitError, ValueError):
    """Training data that cannot be used: empty, of unequal lengths, not finite, or of an unknown type."""


class DeviceError(CorekitError, RuntimeError):
    """A device was asked for that this machine or this torch does not have."""


class SaveError(CorekitError, ValueError):
    """The model holds something that a model file cannot describe."""


class LoadError(CorekitError, ValueError):
    """A model file is damaged, is not a corekit file, or needs what is not installed.

    `code` is a stable word for programs; the message is for people.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code

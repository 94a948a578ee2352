"""What people have decided about plugins: which are switched off, which alone may be used, which of two is meant.

Decisions come from four places: `config.toml` (`corekit/` in the user's configuration folder, or the file that
`COREKIT_CONFIG` names), `[tool.corekit]` of the nearest pyproject.toml above the working directory, the variables
`COREKIT_DISABLE`, `COREKIT_ALLOW` and `COREKIT_PREFER` (names with commas between), and `with corekit.plugins(...)` or
`with corekit.prefer(...)`. Each place can only take away: what one switches off, no other switches on. Of several
preferences the nearest counts: a `with` before a variable, that before the project's, and the user's last.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from corekit.errors import ArgumentError
from corekit.registry import shown
from corekit.registry.component import LOCAL, Component, canonical

LISTS = ("disable", "allow", "prefer")
INHERITED = "COREKIT_INHERITED"
"""The variable that tells a worker process which `with` statements it was started in."""

_inherited = json.loads(os.environ.get(INHERITED, "[]"))  # before a `with` of this process writes there


class Decision(NamedTuple):
    """One list of one place.

    Args:
        verb: "disable", "allow" or "prefer".
        names: of distributions ("corekit-einops") or components ("corekit-einops:Rearrange"), canonical.
        place: where it is written, as messages say it.
    """

    verb: str
    names: tuple[str, ...]
    place: str

    @classmethod
    def made(cls, verb: str, names: Any, place: str) -> Decision:
        """Return the decision that a list of names as people spell them stands for.

        Raises:
            ArgumentError: it is no list of names.
        """
        if isinstance(names, str) or not isinstance(names, Iterable) or not all(isinstance(n, str) for n in names):
            raise ArgumentError(f'{place}: {verb} is {names!r}; expected a list of names, such as ["corekit-einops"].')
        return cls(verb, tuple(map(spelt, names)), place)


Policy = tuple[Decision, ...]
"""Every decision that holds, the nearest first."""

_entered: ContextVar[Policy] = ContextVar("corekit_policy", default=())


def entered() -> Policy:
    """Return the decisions of the `with` statements that are being run."""
    return _entered.get()


def declared() -> Policy:
    """Return the decisions of the environment, the project and the user.

    Raises:
        ArgumentError: a file cannot be read, a list in it is none, or it has another key: a misspelt ban is none.
    """
    found = [Decision(verb, tuple(names), "the process that started this one") for verb, names in _inherited]
    for verb in LISTS:
        variable = f"COREKIT_{verb.upper()}"
        if names := in_variable(variable):
            found.append(Decision.made(verb, names, variable))
    for path in (project_file(), user_file()):
        for verb, names in written(path).items():
            if verb not in LISTS:
                raise ArgumentError(_unknown_key(path, verb))
            found.append(Decision.made(verb, names, path))
    return tuple(found)


def _unknown_key(path: str, key: str) -> str:
    import difflib  # only where something is wrong

    near = difflib.get_close_matches(key, LISTS, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else f" Keys are {', '.join(LISTS)}."
    return f'{path}: there is no key "{key}"{f" in [{table}]" if (table := table_name(path)) else ""}.{hint}'


def in_variable(variable: str) -> list[str]:
    """Return the names in a variable of the environment, which commas or spaces part."""
    return os.environ.get(variable, "").replace(",", " ").split()


@contextmanager
def plugins(*, disable: Collection[str] = (), allow: Collection[str] | None = None) -> Iterator[None]:
    """Switch plugins off inside a `with`, in this thread or task.

    Args:
        disable: distributions, or ids of components, that cannot be used.
        allow: if given, only these can be; the standard ones are named like any other.

    Raises:
        ArgumentError: a name is not installed; at the first look-up.

    Example:
        >>> import corekit as ck
        >>> with ck.plugins(disable=["corekit-layers-basic:Dense"]):
        ...     hasattr(ck.layers, "Dense"), hasattr(ck.layers, "Dropout")
        (False, True)
    """
    decisions = [Decision.made("disable", disable, "corekit.plugins(disable=...)")] if disable else []
    if allow is not None:
        decisions.append(Decision.made("allow", allow, "corekit.plugins(allow=...)"))
    with _holding(decisions):
        yield


@contextmanager
def prefer(*names: str) -> Iterator[None]:
    """Say, inside a `with`, whom a bare name means where several distributions have it.

    Args:
        names: distributions, or ids of components. The standard distributions keep their names.

    Example:
        >>> import corekit as ck
        >>> with ck.prefer("corekit-layers-basic"):
        ...     ck.layers.Dense(2).units
        2
    """
    with _holding([Decision.made("prefer", names, "corekit.prefer(...)")]):
        yield


@contextmanager
def _holding(decisions: Sequence[Decision]) -> Iterator[None]:
    shown.close()
    token, before = _entered.set((*decisions, *_entered.get())), os.environ.get(INHERITED)
    os.environ[INHERITED] = json.dumps([(one.verb, one.names) for one in _entered.get()])
    try:
        yield
    finally:
        _entered.reset(token)
        os.environ.pop(INHERITED, None)
        if before is not None:
            os.environ[INHERITED] = before


def refusal(policy: Policy, distribution: str, id: str = "") -> str | None:
    """Return which decision forbids a component, or all of a distribution; None where it may be used."""
    for decision in policy:
        named = distribution in decision.names or id in decision.names
        if decision.verb == "disable" and named:
            return f"{decision.place} disables it"
        one_of_it = not id and any(name.startswith(f"{distribution}:") for name in decision.names)
        if decision.verb == "allow" and not (named or one_of_it or distribution == LOCAL):
            return f"{decision.place} allows only {', '.join(decision.names) or 'none'}"
    return None


def preferred(policy: Policy, components: list[Component]) -> list[Component]:
    """Return, of components that have one name, the one that the nearest preference names; all where none does."""
    for decision in policy:
        for name in decision.names if decision.verb == "prefer" else ():
            mine = [component for component in components if name in (component.distribution, component.id)]
            if len(mine) == 1:
                return mine
    return components


def is_known(name: str, known: Collection[str]) -> bool:
    """Return whether a name in a list means something; see `check`.

    Example:
        >>> is_known("corekit-hooked:Late", {"corekit-hooked:"})
        True
    """
    return name in known or f"{name.partition(':')[0]}:" in known


def check(policy: Policy, known: Collection[str]) -> None:
    """Raise for a name in a list that nothing has: a misspelt ban is none.

    Args:
        policy: the decisions.
        known: distributions and ids; one that ends in ":" stands for every id of its distribution.
    """
    for decision in policy:
        for name in decision.names:
            if not is_known(name, known):
                import difflib  # only where something is wrong

                near = difflib.get_close_matches(name, [one for one in known if not one.endswith(":")], n=1)
                hint = f' Did you mean "{near[0]}"?' if near else " `corekit list` shows what is."
                raise ArgumentError(f'{decision.place}: {decision.verb} names "{name}", which is not installed.{hint}')


def spelt(name: str) -> str:
    """Return a name in a list as it is compared: the distribution in its canonical form.

    Example:
        >>> spelt("Corekit_Einops:Rearrange")
        'corekit-einops:Rearrange'
    """
    distribution, colon, component = name.strip().partition(":")
    return f"{canonical(distribution)}{colon}{component}"


def project_file() -> str:
    """Return the nearest pyproject.toml above the working directory; "" where there is none."""
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        return ""
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path):
            return path
        folder, last = os.path.dirname(folder), folder
        if folder == last:
            return ""


def user_file() -> str:
    """Return the path of the user's own file, which need not exist."""
    if named := os.environ.get("COREKIT_CONFIG"):
        return named
    if sys.platform == "win32":
        home = os.environ.get("APPDATA") or os.path.expanduser(r"~\AppData\Roaming")
    elif sys.platform == "darwin":
        home = os.path.expanduser("~/Library/Application Support")
    else:
        home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "corekit", "config.toml")


def written(path: str) -> dict[str, Any]:
    """Return corekit's table of a file: all of the user's own, `[tool.corekit]` of a project's; {} where there is none.

    Raises:
        ArgumentError: it cannot be read, or is no TOML.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:  # what it forbids must not be allowed for that
        raise ArgumentError(f"{path} cannot be read: {error.strerror}.") from error
    table = table_name(path)
    if table and not _may_have_table(content):
        return {}  # nearly always, and parsing it costs more than finding all plugins
    import tomllib

    try:
        found: Any = tomllib.loads(content.decode())
    except ValueError as error:
        raise ArgumentError(f"{path} cannot be read: {error}.") from error
    for part in table.split(".") if table else ():
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _may_have_table(content: bytes) -> bool:
    """Return whether a TOML file may have a table tool.corekit, in any of the forms that there are."""
    squeezed = b"\n" + content.translate(None, b" \t\"'")
    return any(form in squeezed for form in (b"tool.corekit", b"\n[tool]", b"\ntool="))


def table_name(path: str) -> str:
    """Return which table of a file is corekit's; "" stands for all of it."""
    return "tool.corekit" if os.path.basename(path) == "pyproject.toml" else ""

"""What is asked of components of several kinds in the same way: config, names, and to leave the world alone."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from corekit.protocols.creation import create
from corekit.protocols.loss import snake_case
from corekit.registry import registry
from corekit.registry.component import LOCAL
from corekit.testing.case import Case
from corekit.testing.compare import assert_annotated
from corekit.testing.effects import watched
from corekit.testing.kit import Skip, fail

_NOT_NAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def rebuilt(case: Case, made: Any, *, as_json: bool = True, left_out: tuple[str, ...] = ()) -> Any:
    """Return an object made anew from another's config; fail where the config cannot be stored, or lacks an argument.

    Args:
        case: of which.
        made: the object.
        as_json: whether the config goes through JSON, as into a model file.
        left_out: arguments that need not be in it.

    Raises:
        Skip: it has no config, as torch's own classes.
    """
    if not hasattr(made, "get_config"):
        raise Skip(f"{case.name} has no get_config: it is not one of corekit's classes")
    config = made.get_config()
    fix = "Let get_config return every argument of the constructor, or leave it out: arguments are recorded."
    named = [one.name for one in inspect.signature(type(made)).parameters.values() if one.kind not in _NOT_NAMED]
    wanted = {*named, *case.arguments} - {*left_out}
    if missing := sorted(wanted - config.keys()):
        got = f"only {', '.join(config) or 'nothing'}"
        fail(case, on="get_config()", expected=f"the argument {missing[0]}", got=got, fix=fix)
    for name in sorted(wanted & case.arguments.keys()):
        if not _same(case.arguments[name], config[name]):
            got = f"{name}={config[name]!r}"
            fail(case, on="get_config()", expected=f"{name}={case.arguments[name]!r}", got=got, fix=fix)
    assert_annotated(case, type(made), config)
    try:
        again = type(made).from_config(_stored(config) if as_json else config)
    except TypeError as error:
        fail(case, on="from_config(get_config())", expected="an equal object", got=f"TypeError: {error}", fix=fix)
    second = again.get_config()
    for name in sorted(wanted):
        if as_json and not _same(config[name], second.get(name)):
            fail(
                case,
                on="from_config(get_config())",
                expected=f"{name}={config[name]!r}",
                got=f"{name}={second.get(name)!r}",
                fix=fix,
            )
    return again


@contextlib.contextmanager
def stirred() -> Iterator[None]:
    """A context in which random generators are elsewhere than before: who sets a seed once more is then seen."""
    states = random.getstate(), np.random.get_state()
    torch.rand(())
    random.random()
    np.random.rand()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def assert_no_effects(case: Case, use: Callable[[], Any]) -> None:
    """Fail where making and using a component changes something of the process."""
    use()  # what torch does at the first use only is not the component's doing
    with stirred(), watched() as found:
        use()
    if found:
        fail(
            case,
            on="what else changed while it was used",
            expected="nothing",
            got="; ".join(found),
            fix="Draw from a generator of your own, and leave settings of the process to its owner.",
        )


def names(case: Case) -> None:
    """`compile(loss="mean_squared_error")` is how most people write: a name that does not lead here is no name."""
    subject = case.subject
    if subject.id.startswith(f"{LOCAL}:"):
        raise Skip("it is a class of this program: it has no installed name")
    distribution, _, name = subject.id.partition(":")
    for spelled in (subject.id, f"{distribution}:{snake_case(name)}", f"{distribution}:{name.lower()}"):
        found = registry.find(subject.kind, spelled)
        if found.id != subject.id:
            fail(
                case,
                on=f'looked up as "{spelled}"',
                expected=subject.id,
                got=found.id,
                fix="Give it an entry point of its own name; no other may differ in case or underscores only.",
            )


def by_name(case: Case) -> Any:
    """Return the component as users name it: an id with a config where it is installed, else an object."""
    if not isinstance(case.subject.value, type):
        return functools.partial(case.subject.value, **case.arguments) if case.arguments else case.subject.value
    if case.subject.id.startswith(f"{LOCAL}:") or not hasattr(case.subject.value, "from_config"):
        return case.make()
    if not case.arguments:
        return case.subject.id
    return create(case.subject.kind, {"id": case.subject.id, "config": case.make().get_config()})


def can_be_pickled(value: type) -> bool:
    """Return whether pickle finds a class by its name."""
    try:
        pickle.dumps(value)
    except Exception:  # whatever: it does not
        return False
    return True


def _stored(value: Any) -> Any:
    """Return a config as it comes back from JSON; parts with a config of their own are made anew from it.

    Raises:
        TypeError: something is neither data nor such a part.
    """
    if hasattr(value, "get_config"):
        return type(value).from_config(_stored(value.get_config()))
    if isinstance(value, dict):
        return {name: _stored(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_stored(one) for one in value]
    return json.loads(json.dumps(value))


def _same(one: Any, other: Any) -> bool:
    """Return whether two arguments mean the same; parts are compared by their configs."""
    if hasattr(one, "get_config") and hasattr(other, "get_config"):
        return type(one) is type(other) and _same(one.get_config(), other.get_config())
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)

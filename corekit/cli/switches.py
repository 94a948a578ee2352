"""Changes the list of what is switched off, in the project's pyproject.toml or the user's file, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

import click

from corekit.cli import writing
from corekit.errors import ArgumentError, UnknownNameError
from corekit.registry import KINDS, policy, registry, toml

LIST = "disable"

of_user = click.option("--user", is_flag=True, help="In your own config.toml, for all projects, not in pyproject.toml.")


def file_of(user: bool) -> str:
    """Return the file to change.

    Raises:
        ArgumentError: the project has none.
    """
    path = policy.user_file() if user else policy.project_file()
    if not path:
        raise ArgumentError(
            "there is no pyproject.toml in this folder or above it.\n"
            "  Go to your project, or decide for all projects with --user."
        )
    return path


def listed(path: str) -> list[str]:
    """Return the names that a file switches off, as they are written there.

    Raises:
        ArgumentError: it cannot be read, or has something else than a list of names.
    """
    names = policy.written(path).get(LIST, [])
    policy.Decision.made(LIST, names, path)
    return list(names)


def rewrite(path: str, names: Sequence[str], edit: Callable[[str, str, str, str], str]) -> None:
    """Change a file by `edit` (`toml.add` or `toml.remove`) for each name; with none, it is not touched.

    Raises:
        ArgumentError: the list is not written in a way that can be changed, or the file cannot be written.
    """
    if not names:
        return
    table = policy.table_name(path)
    try:
        text = _text(path)
        for name in names:
            text = edit(text, table, LIST, name)
    except ValueError as error:
        verb, under = ("Add", "to") if edit is toml.add else ("Take", "out of")
        raise ArgumentError(
            f"{path} was not changed: {error}.\n"
            f"  {verb} {', '.join(map(toml.quoted, names))} by hand, {under} the list  {LIST} = [...]"
            + (f"  of [{table}]." if table else ".")
        ) from error
    writing.replace(path, text.encode())


def _text(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def check(names: Collection[str], known: Collection[str]) -> None:
    """Refuse a name that nothing has.

    Args:
        names: spelt as the lists are compared.
        known: as for `policy.check`.

    Raises:
        UnknownNameError: it says what was meant.
    """
    for name in names:
        if policy.is_known(name, known):
            continue
        ids = sorted({component.id for kind in KINDS for component in registry.offering(kind, name)})
        if not ids:
            import difflib  # only where something is wrong

            ids = difflib.get_close_matches(name, sorted(one for one in known if not one.endswith(":")), n=1)
        hint = f'  Did you mean "{ids[0]}"?' if ids else "\n  `corekit list` shows what is installed."
        raise UnknownNameError(f'no distribution or id is called "{name}".{hint}')


def refusal(name: str) -> str | None:
    """Return which place now forbids a distribution or component, as part of a sentence; None where none does."""
    distribution, colon, _ = name.partition(":")
    decided = policy.declared()
    for decision in decided:
        if colon and decision.verb == LIST and distribution in decision.names:
            return f"{decision.place} disables all of {distribution}"
    return policy.refusal(decided, distribution, name if colon else "")


def remedies(distribution: str, id: str = "") -> list[str]:
    """Return a line for each place that now forbids a distribution or one component of it: how to allow it there."""
    lines = []
    for decision in (*policy.entered(), *policy.declared()):
        if policy.refusal((decision,), distribution, id) is None:
            continue
        named = next((name for name in (id, distribution) if name and name in decision.names), distribution)
        if decision.verb != LIST:
            lines.append(f"add {toml.quoted(named)} to {decision.verb} in {decision.place}")
        elif decision.place in (policy.project_file(), policy.user_file()):
            user = " --user" if decision.place == policy.user_file() else ""
            lines.append(f"corekit enable {named}{user}")
        else:
            lines.append(f"take {named} out of {decision.place}")
    return lines

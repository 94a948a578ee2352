"""Finds what makes a thing fail by trying it without some of the suspects. Pure logic: the trial is a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Fails = Callable[[Sequence[str]], bool]
"""Whether it fails with just these suspects on, all others off."""


def culprits(suspects: Sequence[str], fails: Fails) -> list[list[str]]:
    """Return the groups of suspects that make it fail: one suspect where one alone does, else a smallest set.

    The first of each group stays off while the next group is looked for: a fault behind another one is found, and
    without these first ones it does not fail.

    Example:
        >>> culprits("abcdef", lambda on: "b" in on or {"d", "f"} <= set(on))
        [['b'], ['d', 'f']]
    """
    on, found = list(suspects), []
    while on and fails(on):
        group = smallest(on, fails)
        found.append(group)
        on = [one for one in on if one != group[0]]
    return found


def smallest(on: list[str], fails: Fails) -> list[str]:
    """Return a part of `on` that fails, and does so without none of its members; `on` itself fails.

    Halves, then quarters and so on are tried alone, then all but one of them.

    Reference: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002 (ddmin).
    """
    parts = 2
    while len(on) > 1:
        size = math.ceil(len(on) / parts)
        chunks = [on[start : start + size] for start in range(0, len(on), size)]
        rests = [[one for one in on if one not in chunk] for chunk in chunks]
        for smaller in [*chunks, *rests]:
            if fails(smaller):
                parts = 2 if smaller in chunks else max(parts - 1, 2)
                on = smaller
                break
        else:
            if parts >= len(on):
                break
            parts = min(2 * parts, len(on))
    return on

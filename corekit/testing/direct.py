"""The kit for a class or a function that is at hand: raises at the first check that fails."""

from __future__ import annotations

from typing import Any

from corekit.protocols.example import Example, example, examples_of
from corekit.testing.case import subject_of
from corekit.testing.kit import Failure, Outcome, run


def check_layer(layer: type, *inputs: Any, only: tuple[str, ...] = (), **arguments: Any) -> list[Outcome]:
    """Check a layer class, on what `@corekit.example` declares or on what is given here.

    Args:
        layer: a Layer, or any `nn.Module` class.
        inputs: shapes without the batch, as in `corekit.example`.
        only: names of checks; default all.
        arguments: of the constructor.

    Returns:
        What came of each check.

    Raises:
        Failure: at the first check that failed.

    Example:
        >>> import torch
        >>> [one.status for one in check_layer(torch.nn.Linear, (4,), in_features=4, out_features=2, only=("shapes",))]
        ['passed']
    """
    return _checked("layers", layer, inputs, arguments, only)


def _checked(
    kind: str, value: Any, inputs: tuple[Any, ...], arguments: dict[str, Any], only: tuple[str, ...]
) -> list[Outcome]:
    given: tuple[Example, ...] = ()
    if inputs or arguments:
        holder = type("holder", (), {})
        given = examples_of(example(*inputs, **arguments)(holder))
    outcomes = run([subject_of(value, kind, examples=given)], only)
    for outcome in outcomes:
        if outcome.status == "failed":
            raise Failure(f"{outcome.check}: {outcome.message}\n{outcome.story}")
    return outcomes

"""What every layer must do, part seven: in other processes."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import distributed

from corekit.protocols.tree import map_tree
from corekit.testing import ranks
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal
from corekit.testing.importable import place_of
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built
from corekit.testing.rank import per_sample

CHECKS = CheckList("layers", minimum=0)

CHECKS.once(import_budget)


@CHECKS.once
def distributes(case: Case) -> None:
    """Under torch's DistributedDataParallel, two processes with half a batch each must train one and the same model."""
    if not distributed.is_available() or not distributed.is_gloo_available() or sys.platform == "win32":
        raise Skip("this torch has no gloo between processes")
    layer = built(case)
    if not any(weight.requires_grad for weight in layer.parameters()):
        raise Skip("it has no trainable weights")
    place = place_of(case.subject)
    inputs = case.inputs(batch=4)
    halves = [map_tree(lambda x, start=start: x[start : start + 2].clone(), inputs) for start in (0, 2)]
    request = {
        "place": tuple(place), "name": case.name, "arguments": case.arguments, "inputs": halves,
        "state": layer.state_dict(),
    }  # fmt: skip
    fix = "Keep weights as parameters that are made in build and never replaced; do not read the rank."
    on = "DistributedDataParallel in two processes"
    try:
        replies = ranks.ask(request)
    except OSError as error:
        fail(case, on=on, expected="an answer", got=str(error), fix=fix)
    for reply in replies:
        if "error" in reply:
            fail(case, on=on, expected="no error", got=reply["error"], fix=fix)
    assert_equal(
        case, replies[0]["weights"], replies[1]["weights"], on=f"weights of both ranks after a step, {on}", fix=fix
    )
    assert_equal(
        case, _gradients(layer, inputs), replies[0]["gradients"], on=f"gradients of half a batch each, {on}", fix=fix
    )


def _gradients(layer: Any, inputs: tuple[Any, ...]) -> dict[str, torch.Tensor]:
    """Return the gradients of the whole batch in one process."""
    per_sample(leaves(layer(*inputs))).backward()  # type: ignore[no-untyped-call]  # torch's own
    layer.clear_losses()
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad
        for name, weight in layer.named_parameters()
    }

"""What every layer must do, part six: be read as a whole by torch.compile and torch.export."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.eval_frame import is_dynamo_supported as dynamo_is_supported

from corekit.protocols.tree import map_tree
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal, told
from corekit.testing.kit import CheckList, Skip
from corekit.testing.layer_calls import built, call, is_random, state_of, total

CHECKS = CheckList("layers", minimum=0)

BACKEND = "aot_eager"
"""Traces as Inductor does, forward and backward, and needs no C++ compiler."""


@CHECKS.once
def compiles(case: Case) -> None:
    """One break in the graph of one layer, and the training step is not compiled at all: `fit` runs at eager speed."""
    if not dynamo_is_supported():
        raise Skip("torch.compile does not support this Python or system")
    layer = built(case)
    before = state_of(layer)
    fix = "Use torch functions and plain Python only: no print, numpy, .item() or branch on a tensor's values in call."
    for training in (False, True):
        on = f"torch.compile(fullgraph=True), training={training}"
        random = training and is_random(layer, case.inputs())
        layer.load_state_dict(before)
        expected = _measured(layer.train(training), layer, case)
        layer.load_state_dict(before)
        torch._dynamo.reset()
        with told(case, on, fix):
            compiled: Any = torch.compile(layer, fullgraph=True, backend=BACKEND)
            got = _measured(compiled, layer, case)
        if not random:
            assert_equal(case, expected, got, on=f"{on}: values, gradients and state", fix=fix)
    torch._dynamo.reset()


@CHECKS.once
def exports(case: Case) -> None:
    """Serving runs what torch.export read: a batch size that is frozen in it refuses the second request."""
    layer = built(case)
    inputs = case.inputs(batch=4)
    batch = {0: torch.export.Dim("batch")}
    shapes = map_tree(lambda _: batch, inputs)
    takes_any = "args" in inspect.signature(layer.forward).parameters  # a wrapped torch module: call(*args)
    fix = "Take sizes from the input's shape at each call, as x.shape[0]; not from Python numbers noted before."
    with told(case, "torch.export with an open batch", fix):
        program = torch.export.export(layer, inputs, dynamic_shapes=(shapes,) if takes_any else shapes)
    more = case.inputs(batch=7)
    with told(case, "the exported program on a batch of 7", fix):
        got = leaves(program.module()(*more))
    assert_equal(case, call(layer, more), got, on="the exported program on a batch of 7", fix=fix)


def _measured(run: Any, layer: Any, case: Case) -> list[Tensor]:
    """Return the outputs of a call, the gradients of weights and inputs, and the state after it."""
    torch.manual_seed(0)
    inputs = case.inputs(requires_grad=True)
    outputs = leaves(run(*inputs))
    layer.clear_losses()
    wanted = [one for one in (*leaves(inputs), *layer.parameters()) if one.requires_grad]
    grads: list[Tensor] = []
    if wanted and any(one.is_floating_point() and one.requires_grad for one in outputs):
        found = torch.autograd.grad(total(outputs), wanted, allow_unused=True)
        grads = [torch.zeros_like(one) if grad is None else grad for one, grad in zip(wanted, found, strict=True)]
    return [*(one.detach() for one in outputs), *grads, *state_of(layer).values()]

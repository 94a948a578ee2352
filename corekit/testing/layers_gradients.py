"""What every layer must do, part three: be differentiable, rightly, once and twice."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tree import map_tree
from corekit.testing.case import Case, leaves
from corekit.testing.compare import wrong_derivative
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built, total

CHECKS = CheckList("layers", minimum=0)


@CHECKS.check
def gradients(case: Case) -> None:
    """A wrong gradient does not fail: the model trains, to something worse, and weeks are spent on its settings."""
    _checked(case, torch.autograd.gradcheck, "gradient", training=True)


@CHECKS.check
def inference_gradients(case: Case) -> None:
    """Saliency maps, adversarial examples and frozen parts of a model derive a layer that is not training."""
    _checked(case, torch.autograd.gradcheck, "gradient in inference", training=False)


@CHECKS.check
def second_gradients(case: Case) -> None:
    """Gradient penalties and meta-learning derive twice: a backward that is not differentiable gives them zeros."""
    _checked(case, torch.autograd.gradgradcheck, "second gradient", training=True)


@CHECKS.check
def all_weights_learn(case: Case) -> None:
    """A weight that no gradient reaches keeps its first value for ever, and DistributedDataParallel refuses it."""
    layer = built(case).train()
    weights = dict(layer.named_parameters())
    if not weights:
        raise Skip("it has no trainable weights")
    torch.manual_seed(0)
    result = total(leaves(layer(*case.inputs()))) + sum(layer.losses)
    if result.requires_grad:
        result.backward()
    idle = [name for name, weight in weights.items() if weight.requires_grad and weight.grad is None]
    if idle:
        fail(
            case,
            on="a training call and backward()",
            expected="a gradient for every trainable weight",
            got=f"none for {', '.join(idle)}",
            fix="Do not detach weights or read their values (.detach(), .data, .item()); state is trainable=False.",
        )


def _checked(case: Case, check: Any, what: str, *, training: bool) -> None:
    """Check a derivative with respect to all floating-point inputs and weights in float64."""
    layer = built(case, torch.float64).train(training)
    inputs = case.inputs(torch.float64)
    weights = {name: weight for name, weight in layer.named_parameters() if weight.requires_grad}
    state = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    given = [tensor.requires_grad_() for tensor in leaves(inputs) if tensor.is_floating_point()]
    names = [f"input {number}" for number in range(len(given))] + [f"weight {name}" for name in weights]

    def run(*tensors: Tensor) -> Any:
        torch.manual_seed(0)
        rest = iter(tensors[: len(given)])
        args = map_tree(lambda one: next(rest) if one.is_floating_point() else one, inputs)
        held = {**dict(zip(weights, tensors[len(given) :], strict=True)), **{n: b.clone() for n, b in state.items()}}
        outputs = leaves(torch.func.functional_call(layer, held, args))
        layer.clear_losses()
        return tuple(one for one in outputs if one.is_floating_point())

    wanted = (*given, *(weight.detach().clone().requires_grad_() for weight in weights.values()))
    outputs = run(*wanted)
    if not wanted or not outputs:
        raise Skip("nothing that is given or comes out is floating point")
    if not any(one.requires_grad for one in outputs):
        fail(
            case,
            on=what,
            expected="an output that depends on inputs and weights",
            got="one that no gradient leads back from",
            fix="Do not detach, and compute with torch functions only; what is no number should be int64 or bool.",
        )
    if got := wrong_derivative(check, run, wanted):
        fail(
            case,
            on=f"{what} in float64",
            expected="what differences of the output say",
            got=_explained(got, names),
            fix="Correct the backward, which must be differentiable itself, or compute with torch functions only.",
        )


def _explained(message: str, names: list[str]) -> str:
    """Return the first words of torch's message, with names in place of numbers."""
    found = re.search(r"with respect to input (\d+)", message)
    which = f"another one for {names[int(found[1])]}: " if found and int(found[1]) < len(names) else ""
    return which + message

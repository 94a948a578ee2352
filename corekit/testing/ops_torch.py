"""What every op must do, part two: be known to torch's library, compiler, exporter and transforms, and to models."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from corekit.errors import CorekitError
from corekit.model.graph import Input
from corekit.model.model import Model
from corekit.protocols.op import as_op
from corekit.protocols.tree import map_tree
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal, told
from corekit.testing.compiling import compiled
from corekit.testing.drawing import for_all
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.op_calls import call, floating, of_size, outputs, sizes_in, torch_ops

CHECKS = CheckList("ops", minimum=0)

_FAKE = "Give the op a register_fake that computes the shape from its inputs' shapes, with their dtype and device."
_VMAP_MISSING = ("Batching rule not implemented", "no batching rule", "vmap")


@CHECKS.check
def opcheck(case: Case) -> None:
    """torch trusts what a custom op says of itself, schema, fake and autograd: a lie there shows as a wrong model."""
    found = torch_ops(case)
    if not found:
        raise Skip("it is made of torch's own operations: there is no custom op to check")
    for op, (args, kwargs) in found.items():
        given = map_tree(_leaf, list(args))
        try:
            torch.library.opcheck(op, tuple(given), kwargs)
        except Exception as error:
            told_first = " ".join(str(error).split())[:400]
            fail(
                case,
                on=f"torch.library.opcheck of {op}",
                expected="an op as it says it is",
                got=told_first,
                fix="Correct mutates_args, register_fake or register_autograd of the op.",
            )


@CHECKS.check
def fake_shapes(case: Case) -> None:
    """torch.compile and models are drawn with the shapes that a fake kernel foretells: a wrong one fails far away."""
    from torch._subclasses.fake_tensor import FakeTensorMode  # the compiler's own; it takes a second to import

    def foretells(**drawn: int) -> None:
        sizes = dict(zip(sizes_in(case), drawn.values(), strict=True))
        inputs = of_size(case, sizes)
        try:
            real = outputs(case, inputs)
        except (CorekitError, ValueError):  # it says that it does not take these
            return
        mode = FakeTensorMode()
        with told(case, f"fake tensors of sizes {sizes}", _FAKE), mode:
            fake = leaves(call(case, map_tree(mode.from_tensor, inputs)))
        expected = [(tuple(one.shape), one.dtype, one.stride()) for one in real]
        got = [(tuple(one.shape), one.dtype, one.stride()) for one in fake]
        if expected != got:
            fail(
                case,
                on=f"fake tensors of sizes {sizes}",
                expected=f"shape, dtype and strides {expected}",
                got=got,
                fix=_FAKE,
            )

    for_all(foretells, **{f"size_{size}": (1, 7) for size in sizes_in(case)})


@CHECKS.once
def compiles(case: Case) -> None:
    """One break in the graph of one op, and the training step is not compiled at all: `fit` runs at eager speed."""
    fix = "Use torch functions and plain Python only, or make it a torch.library.custom_op."
    with compiled(case, lambda *inputs: call(case, inputs)) as run:
        for seed in (1, 2, 3):
            eager, traced = (map_tree(_leaf, case.inputs(torch.float64, seed=seed)) for _ in range(2))
            expected, got = outputs(case, eager), leaves(run(*traced))
            assert_equal(case, expected, got, on="compiled, against eager", fix=fix)
            assert_equal(case, _grads(expected, eager), _grads(got, traced), on="gradients, compiled", fix=fix)


@CHECKS.once
def exports(case: Case) -> None:
    """Serving runs what torch.export read; an op that cannot be read cannot be served."""

    class Program(nn.Module):
        """The op as a module."""

        def forward(self, *inputs: Any) -> Any:
            """Call it."""
            return call(case, inputs)

    inputs = case.inputs()
    with told(case, "torch.export", "Use torch functions and plain Python only, or torch.library.custom_op."):
        program = torch.export.export(Program(), inputs)
        got = leaves(program.module()(*case.inputs(seed=4)))
    assert_equal(
        case,
        outputs(case, case.inputs(seed=4)),
        got,
        on="the exported program on other inputs",
        fix="Read no values of tensors while the graph is made.",
    )


@CHECKS.check
def vmaps(case: Case) -> None:
    """torch.vmap and per-sample gradients call an op on a batch of inputs: what comes must be what each gives alone."""
    every = [case.inputs(torch.float64, seed=seed) for seed in (1, 2, 3)]
    stacked = map_tree(lambda *given: torch.stack(given), *every)
    alone = [outputs(case, inputs) for inputs in every]
    expected = [torch.stack(given) for given in zip(*alone, strict=True)]
    try:
        got = leaves(torch.vmap(lambda *inputs: call(case, inputs))(*stacked))
    except (RuntimeError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0][:200]
        if torch_ops(case) and any(word in str(error) for word in _VMAP_MISSING):
            raise Skip(f"its torch op has no rule for vmap (register_vmap), which torch says: {first}") from error
        fail(
            case,
            on="torch.vmap",
            expected="no error",
            got=f"{type(error).__name__}: {first}",
            fix="Use torch functions only, and torch.where in place of if.",
        )
    assert_equal(
        case,
        expected,
        got,
        on="torch.vmap over three inputs, against each alone",
        fix="Let the op take axes from the end (dim=-1), or correct its register_vmap.",
    )


@CHECKS.check
def in_a_model(case: Case) -> None:
    """Ops on symbolic tensors become parts of a functional model, which is drawn, saved and trained with them."""
    first = case.example.inputs[0] if case.example.inputs else []
    if isinstance(first, list) or len(first.shape) < 2 or first.dtype is not None:
        raise Skip("its first input is no batch of floating-point numbers")
    x, *others = case.inputs()
    fix = "Let its shape follow from its inputs' shapes, on meta tensors too."
    with told(case, "a functional model of it", fix):
        try:
            model, given, drawn = _model(case, [x], others)
        except CorekitError:  # perhaps the others have a batch of the same samples
            beside = [one for one in others if one.ndim > 1 and len(one) == len(x)]
            if not beside:
                raise
            model, given, drawn = _model(
                case, [x, *beside], [one for one in others if all(one is not each for each in beside)]
            )
        got = leaves(model(given))
    assert_equal(case, outputs(case, (x, *others)), got, on="called in a functional model", fix=fix)
    foretold = [tuple(one.shape) for one in (drawn if isinstance(drawn, (list, tuple)) else [drawn])]
    real = [tuple(one.shape) for one in got]
    matching = [
        tuple(here if here is None else size for here, size in zip(shape, seen, strict=True))
        for shape, seen in zip(foretold, real, strict=True)
    ]
    if foretold != matching:
        fail(case, on="the shape of its symbolic result", expected=real, got=foretold, fix=fix)


def _model(case: Case, batches: list[Tensor], constants: list[Tensor]) -> tuple[Any, Any, Any]:
    """Return a model whose inputs are the batches, what to call it with, and its symbolic output."""
    symbols = [Input(shape=tuple(one.shape[1:])) for one in batches]
    drawn = as_op(case.subject.value, case.name)(*symbols, *constants, **case.arguments)
    alone = len(batches) == 1
    return Model(symbols[0] if alone else symbols, drawn), batches[0] if alone else batches, drawn


def _grads(results: list[Tensor], inputs: Any) -> list[Tensor]:
    total = torch.stack([one.square().sum() for one in floating(results)] or [torch.zeros(())]).sum()
    wanted = floating(inputs)
    if not total.requires_grad:
        return []
    found = torch.autograd.grad(total, wanted, allow_unused=True)
    return [torch.zeros_like(one) if grad is None else grad for one, grad in zip(wanted, found, strict=True)]


def _leaf(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    fresh = value.detach().clone()
    return fresh.requires_grad_() if fresh.is_floating_point() else fresh

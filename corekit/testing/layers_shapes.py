"""What every layer must do, part one: weights at the right time, and outputs for every batch and size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit.model.graph import Input
from corekit.protocols.tree import leaves as values_in
from corekit.protocols.tree import map_tree
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, assert_shapes, told
from corekit.testing.drawing import for_all
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built, call, is_foreign, row, state_of

CHECKS = CheckList("layers", minimum=0)


@CHECKS.check
def builds_once(case: Case) -> None:
    """Weights that are made too early have the wrong size; made a second time, they throw away what was trained."""
    layer, other = case.make(), case.make()
    early = list(layer.state_dict())
    if early and not is_foreign(layer) and hasattr(type(layer).build, "takes"):
        fail(case, expected="no weights before the first call", got=", ".join(early), fix="Make weights in build.")
    torch.manual_seed(0)
    call(layer, case.inputs())
    call(other, case.inputs())
    first = {name: id(value) for name, value in _weights(layer)}
    if layer.built_with is not None:
        layer.build(*layer.built_with[0], **layer.built_with[1])
    call(layer, case.inputs(batch=2))
    again = {name: id(value) for name, value in _weights(layer)}
    if first != again:
        changed = sorted(name for name in {*first, *again} if first.get(name) != again.get(name))
        fail(
            case,
            on="built and called again",
            expected="the weights that it has",
            got=f"new ones: {', '.join(changed)}",
            fix="Make weights in build, which runs once; change them in place.",
        )
    shared = {value.data_ptr() for _, value in _weights(layer) if value.numel()} & {
        value.data_ptr() for _, value in _weights(other) if value.numel()
    }
    if shared:
        fail(
            case,
            expected="weights of its own in each of two layers",
            got=f"{len(shared)} that both share",
            fix="Make weights in build, not in the class's body or at the module's top.",
        )


@CHECKS.check
def shapes(case: Case) -> None:
    """A model is drawn with the shape that a layer foretells: a wrong one makes the next layer's weights too large."""
    symbols = [_symbols(spec) for spec in case.example.inputs]
    if not symbols:
        raise Skip("it takes no input")
    layer = case.make()
    foretold = list(values_in(layer(*symbols)))
    drawn = {name: tuple(value.shape) for name, value in _weights(layer)}

    def agree(batch: int, free: int) -> None:
        outputs = call(layer, case.inputs(batch=batch, free=free))
        real = [tuple(tensor.shape) for tensor in outputs]
        expected = [_filled(tuple(one.shape), batch, shape) for one, shape in zip(foretold, real, strict=False)]
        fix = "Correct compute_output_shape, or leave it out: call is then tried."
        on = f"the shape that is foretold, for a batch of {batch}"
        if len(real) != len(foretold):
            fail(case, on=on, expected=f"{len(foretold)} outputs", got=f"{len(real)}", fix=fix)
        assert_shapes(case, expected, real, on=on, fix=fix)
        dtypes = [one.dtype for one in foretold], [one.dtype for one in outputs]
        if dtypes[0] != dtypes[1]:
            fail(case, on="the dtype that is foretold", expected=dtypes[0], got=dtypes[1], fix=fix)

    for_all(agree, batch=(1, 4), free=(4, 9))
    called = case.make()
    call(called, case.inputs())
    for name, value in _weights(called):
        assert_shapes(
            case,
            [drawn.get(name, ())],
            [tuple(value.shape)],
            on=f"{name}, made while a model is drawn and made by a call",
            fix="Let the shape of a weight depend on nothing but the sizes that build is given.",
        )


@CHECKS.check
def batch_sizes(case: Case) -> None:
    """The last batch of an epoch may hold one sample, and a rank's share none: neither must end or spoil a training."""
    layer = built(case)
    for batch in (0, 1):
        for training in (True, False):
            on = f"a batch of {batch} with training={training}"
            with told(case, on, "Let every size in call come from the input's shape."):
                outputs = call(layer, case.inputs(batch=batch), training=training)
            assert_shapes(
                case,
                [(batch, *one.shape[1:]) for one in outputs],
                [tuple(one.shape) for one in outputs],
                on=on,
                fix="Keep the batch as the first axis: x.reshape(x.shape[0], ...).",
            )
        spoiled = [name for name, value in state_of(layer).items() if not torch.isfinite(value.double()).all()]
        if spoiled:
            fail(
                case,
                on=f"a training call on a batch of {batch}",
                expected="finite state",
                got=f"nan or inf in {', '.join(spoiled)}",
                fix="Do not divide by the number of samples (or that minus 1) where it may be 0.",
            )


@CHECKS.check
def rows_alone(case: Case) -> None:
    """A prediction that depends on which other samples are in the batch is different tomorrow, and nobody sees why."""
    layer = built(case)
    inputs = case.inputs(batch=4)
    with torch.no_grad():
        whole = call(layer, inputs)
        for index in (0, 3):
            alone = call(layer, row(inputs, index))
            assert_equal(
                case,
                [one[index : index + 1] for one in whole],
                alone,
                on=f"sample {index} without the batch",
                fix="In inference, let each sample's output depend on that sample alone; a mean over axis 0 does not.",
            )


@CHECKS.check
def strides(case: Case) -> None:
    """Slices and transposed tensors reach layers all the time: one that reads memory in order computes nonsense."""
    layer = built(case)
    expected = call(layer, case.inputs())
    for what, lay in _LAYOUTS.items():
        on, fix = (
            f"an input that is {what}",
            "Use reshape in place of view, and never data_ptr or as_strided.",
        )
        with told(case, on, fix):
            got = call(layer, map_tree(lay, case.inputs()))
        assert_equal(case, expected, got, on=on, fix=fix)


def _weights(layer: Any) -> list[tuple[str, Tensor]]:
    return [*layer.named_parameters(), *layer.named_buffers()]


def _filled(shape: tuple[int | None, ...], batch: int, real: tuple[int, ...]) -> tuple[int, ...]:
    """Return a foretold shape with the real sizes for its open ones."""
    if len(shape) != len(real):
        return tuple(-1 if size is None else size for size in shape)
    return tuple(size if size is not None else batch if axis == 0 else real[axis] for axis, size in enumerate(shape))


def _symbols(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_symbols(one) for one in spec]
    return Input(shape=spec.shape, dtype=spec.dtype) if spec.dtype else Input(shape=spec.shape)


def _every_other(x: Tensor) -> Tensor:
    return torch.stack([x, x], dim=-1)[..., 0]


def _transposed(x: Tensor) -> Tensor:
    return x.transpose(0, -1).contiguous().transpose(0, -1)


_LAYOUTS = {"a slice of a larger tensor": _every_other, "transposed in memory": _transposed}

"""What every layer must do, part two: keep to the dtype and the device that it is given."""

from __future__ import annotations

import torch
from torch import Tensor

from corekit.protocols.dtype import dtype_name
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.layer_calls import built, call, is_foreign, state_of
from corekit.testing.stray import Stray

CHECKS = CheckList("layers", minimum=0)

_LOOSE = 0.1
"""How far half precision may be off, relative to 1 or to the value: it has 8 bits, and a layer sums some products."""


@CHECKS.check
def dtypes(case: Case) -> None:
    """One tensor in another dtype doubles a model's memory, or ends `fit` in float64 or bfloat16 with a torch error."""
    for dtype in (torch.float64, torch.bfloat16):
        layer = built(case, dtype)
        before = {name: value.dtype for name, value in state_of(layer).items()}
        for training in (False, True):
            on = f"weights and input in {dtype_name(dtype)}, training={training}"
            with told(case, on, "Make tensors with x.new_zeros(...), torch.zeros_like(x) or dtype=x.dtype."):
                outputs = call(layer, case.inputs(dtype), training=training)
            _assert_dtypes(case, dtype, outputs, on)
        after = {name: value.dtype for name, value in state_of(layer).items()}
        if before != after:
            fail(
                case,
                on=f"its state after calls in {dtype_name(dtype)}",
                expected=before,
                got=after,
                fix="Change state in place (copy_, lerp_), which keeps its dtype.",
            )


@CHECKS.check
def policies(case: Case) -> None:
    """`dtype="float64"` and `dtype="mixed_bfloat16"` are how users choose precision; a layer must obey."""
    if is_foreign(case.make()):
        raise Skip("a torch module has no dtype policy: module.to(dtype) sets its precision")
    for policy, computed, kept in (
        ("float64", torch.float64, torch.float64),
        ("mixed_bfloat16", torch.bfloat16, torch.float32),
    ):
        layer = case.make(dtype=policy)
        on = f'made with dtype="{policy}"'
        with told(case, on, "Make weights with add_weight and no dtype, and tensors with dtype=x.dtype."):
            outputs = call(layer, case.inputs())
        _assert_dtypes(case, computed, outputs, on)
        wrong = [name for name, value in state_of(layer).items() if value.is_floating_point() and value.dtype != kept]
        if wrong:
            fail(
                case,
                on=on,
                expected=f"weights in {dtype_name(kept)}",
                got=f"another dtype of {', '.join(wrong)}",
                fix="Leave dtype out in add_weight: it is the layer's.",
            )


@CHECKS.check
def autocast(case: Case) -> None:
    """Under autocast some tensors arrive in half precision: a layer must take them, and keep its state exact."""
    layer = built(case)
    expected, before = [one.detach() for one in call(layer, case.inputs())], state_of(layer)
    on = "torch.autocast in bfloat16"
    with told(case, on, "Cast what meets a half precision tensor: mean.to(x.dtype)."), torch.autocast("cpu"):
        got = call(layer, case.inputs())
        call(layer, case.inputs(), training=True)
    for name, value in state_of(layer).items():
        if value.dtype != before[name].dtype:
            fail(
                case,
                on=on,
                expected=f"{name} in {dtype_name(before[name].dtype)}",
                got=dtype_name(value.dtype),
                fix="Change state in place (copy_, lerp_), which keeps its dtype.",
            )
    for one, other in zip(expected, got, strict=True):
        apart = float(((one - other.detach().float()).abs() / (1 + one.abs())).max()) if one.numel() else 0.0
        if not apart <= _LOOSE:
            fail(
                case,
                on=on,
                expected=f"values within {_LOOSE} of float32's",
                got=f"{apart:.3g} away",
                fix="Compute sums and exponentials in float32: x.float().",
            )


@CHECKS.check
def devices(case: Case) -> None:
    """A tensor that is made on the CPU, or not moved with the layer, works on every laptop and on no GPU."""
    with torch.device("meta"):
        fresh = case.make()
        fix = "Make tensors with x.new_zeros(...) or device=x.device; keep them with add_weight or register_buffer."
        with told(case, "made and called under torch.device('meta')", fix):
            call(fresh, case.inputs(device="meta"))
            _assert_on(case, "meta", [*fresh.parameters(), *fresh.buffers()], "its weights under torch.device('meta')")
        stray = Stray()  # type: ignore[no-untyped-call]  # torch's
        for training in (False, True):
            on = f"called on the meta device with training={training}"
            inputs = case.inputs(device="meta")
            with told(case, on, fix), stray:
                outputs = call(fresh, inputs, training=training)
            _assert_on(case, "meta", outputs, f"its output, {on}")
            if stray.found:
                fail(
                    case,
                    on=on,
                    expected="tensors on the input's device",
                    got=f"one on the CPU, from {stray.found}",
                    fix=fix,
                )
    moved = built(case).to("meta")
    with told(case, "moved with layer.to('meta')", fix):
        outputs = call(moved, case.inputs(device="meta"))
    _assert_on(case, "meta", outputs, "its output after layer.to('meta')")
    if torch.accelerator.is_available():
        _same_on_accelerator(case)


def _same_on_accelerator(case: Case) -> None:
    kind = torch.accelerator.current_accelerator()
    device = "cuda" if kind is None else kind.type
    layer = built(case)
    expected = call(layer, case.inputs())
    got = call(layer.to(device), case.inputs(device=device))
    _assert_on(case, device, got, f"its output on {device}")
    for one, other in zip(expected, got, strict=True):
        assert_equal(case, one.half(), other.cpu().half(), on=f"values on {device}", fix="Compute the same everywhere.")


def _assert_dtypes(case: Case, dtype: torch.dtype, outputs: list[Tensor], on: str) -> None:
    for one in outputs:
        if one.is_floating_point() and one.dtype != dtype:
            fail(
                case,
                on=on,
                expected=f"output in {dtype_name(dtype)}",
                got=dtype_name(one.dtype),
                fix="Make tensors with dtype=x.dtype; do not call .float().",
            )


def _assert_on(case: Case, device: str, tensors: list[Tensor], on: str) -> None:
    for one in tensors:
        if one.device.type != device:
            fail(
                case,
                on=on,
                expected=f"on device {device}",
                got=f"on {one.device.type}",
                fix="Make tensors with x.new_zeros(...) or device=x.device.",
            )

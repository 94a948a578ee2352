"""Runs the Triton kernel on CPU tensors, in the interpreter that TRITON_INTERPRET=1 gives, and judges the results.

A program of its own, as Triton reads the variable at import. Cases come as JSON on stdin; one verdict for each,
"" or what differs, leaves as JSON on stdout.
"""

import json
import sys
from typing import Any

import torch


def main() -> None:
    teach_bfloat16_to_the_interpreter()
    verdicts = [verdict(**case) for case in json.load(sys.stdin)]
    json.dump(verdicts, sys.stdout)


def teach_bfloat16_to_the_interpreter() -> None:
    """Widen bfloat16 factors, whose bits the interpreter's dot (Triton 3.9) multiplies as if they were integers.

    Exact: a product of two bfloat16 numbers fits in float32, which is what the GPU accumulates in.
    """
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder

    narrow_dot = InterpreterBuilder.create_dot

    def dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        a, b = (self.create_fp_ext(t, tl.float32) if t.dtype.scalar == tl.bfloat16 else t for t in (a, b))
        return narrow_dot(self, a, b, *rest)

    InterpreterBuilder.create_dot = dot


def verdict(
    shape: list[int], out: int, dtype: str, has_bias: bool = True, strided: bool = False, nan: bool = False
) -> str:
    from corekit_custom_ops.linear_relu import linear_relu_reference
    from corekit_custom_ops.linear_relu_triton import linear_relu_triton

    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    x = torch.randn(shape).to(kind)
    kernel = torch.randn(shape[-1], out).to(kind)
    bias = torch.randn(out).to(kind) if has_bias else None
    if strided:  # every second column of x, kernel in torch.nn.Linear's layout, one bias for all
        x = x.repeat_interleave(2, dim=-1)[..., ::2]
        kernel = kernel.t().contiguous().t()
        bias = bias[:1].expand(out) if bias is not None else None
    if nan:
        x[0, 0] = torch.nan
    exact = linear_relu_reference(x.double(), kernel.double(), None if bias is None else bias.double())
    # One rounding to the dtype (eps), and float32's error in sums of up to 100 products (1e-5).
    rtol = max(torch.finfo(kind).eps, 1e-5)
    try:
        torch.testing.assert_close(
            linear_relu_triton(x, kernel, bias), exact.to(kind), rtol=rtol, atol=1e-5, equal_nan=True
        )
    except AssertionError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()

"""The Triton kernel of `linear_relu`: a tiled matmul whose last step adds the bias and clips at zero.

It checks nothing and knows nothing of autograd: `linear_relu.py` does both, and imports this file only when needed.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["linear_relu_triton"]

_BLOCK_IN = 32
_ROW_BLOCKS_PER_GROUP = 8


def linear_relu_triton(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Run the fused kernel; any sizes and strides, accumulated in float32.

    y = max(0, x @ kernel + bias)

    float32 is multiplied in IEEE precision, never TF32, so that the result agrees with torch's default.

    Shape: x (..., in), kernel (in, out), bias (out,) -> (..., out), contiguous.

    Args:
        x: float32, float16 or bfloat16, as kernel and bias are.
        kernel: In Keras's layout.
        bias: Left out, nothing is added.
    """
    y = x.new_empty((*x.shape[:-1], kernel.shape[1]))
    if y.numel() == 0:
        return y
    num_in, num_out = kernel.shape
    num_rows = y.numel() // num_out
    rows = x.reshape(num_rows, num_in)
    block_rows = min(64, max(16, triton.next_power_of_2(num_rows)))  # a dot takes 16 rows at least
    block_out = 64 if x.dtype == torch.float32 else 128
    grid = (triton.cdiv(num_rows, block_rows) * triton.cdiv(num_out, block_out),)
    # Triton launches on the current device, which need not be x's.
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]  # torch leaves it untyped
        _linear_relu_kernel[grid](
            rows,
            kernel,
            bias,
            y,
            num_rows,
            num_in,
            num_out,
            rows.stride(0),
            rows.stride(1),
            kernel.stride(0),
            kernel.stride(1),
            0 if bias is None else bias.stride(0),
            block_rows=block_rows,
            block_in=_BLOCK_IN,
            block_out=block_out,
            row_blocks_per_group=_ROW_BLOCKS_PER_GROUP,
            enable_fp_fusion=True,  # fused multiply-add; unnamed, Triton 3.9 warns that its default will change
        )
    return y


@triton.jit  # type: ignore[untyped-decorator]  # triton ships no types
def _linear_relu_kernel(
    x_ptr: tl.tensor,
    kernel_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    y_ptr: tl.tensor,
    num_rows: tl.tensor,
    num_in: tl.tensor,
    num_out: tl.tensor,
    x_stride_row: tl.tensor,
    x_stride_in: tl.tensor,
    kernel_stride_in: tl.tensor,
    kernel_stride_out: tl.tensor,
    bias_stride: tl.tensor,
    block_rows: tl.constexpr,
    block_in: tl.constexpr,
    block_out: tl.constexpr,
    row_blocks_per_group: tl.constexpr,
) -> None:
    """Compute one (block_rows, block_out) tile of y."""
    row_block, out_block = _tile_of_program(
        tl.program_id(0),
        tl.cdiv(num_rows, block_rows),
        tl.cdiv(num_out, block_out),
        row_blocks_per_group,
    )
    # 64 bit: the offset of a row times its stride passes 2**31 in tensors that fit on one GPU
    row = (row_block * block_rows + tl.arange(0, block_rows)).to(tl.int64)[:, None]
    out = (out_block * block_out + tl.arange(0, block_out)).to(tl.int64)[None, :]
    step = tl.arange(0, block_in).to(tl.int64)
    x_tile_ptr = x_ptr + row * x_stride_row + step[None, :] * x_stride_in
    kernel_tile_ptr = kernel_ptr + step[:, None] * kernel_stride_in + out * kernel_stride_out

    z = tl.zeros((block_rows, block_out), dtype=tl.float32)
    for start in range(0, num_in, block_in):
        inside = step < num_in - start
        x_tile = tl.load(x_tile_ptr, mask=(row < num_rows) & inside[None, :], other=0.0)
        kernel_tile = tl.load(kernel_tile_ptr, mask=inside[:, None] & (out < num_out), other=0.0)
        z = tl.dot(x_tile, kernel_tile, z, input_precision="ieee")
        x_tile_ptr += block_in * x_stride_in
        kernel_tile_ptr += block_in * kernel_stride_in

    if bias_ptr is not None:
        z += tl.load(bias_ptr + out * bias_stride, mask=out < num_out, other=0.0).to(tl.float32)
    y = tl.where(z < 0, 0.0, z)  # NaN stays NaN, as in torch
    tl.store(y_ptr + row * num_out + out, y.to(y_ptr.dtype.element_ty), mask=(row < num_rows) & (out < num_out))


@triton.jit  # type: ignore[untyped-decorator]  # triton ships no types
def _tile_of_program(
    program: tl.tensor,
    num_row_blocks: tl.tensor,
    num_out_blocks: tl.tensor,
    row_blocks_per_group: tl.constexpr,
) -> tl.tuple:
    """Order tiles in groups of rows, so that neighbours in time share columns of the kernel in the L2 cache."""
    programs_per_group = row_blocks_per_group * num_out_blocks
    group = program // programs_per_group
    first_row_block = group * row_blocks_per_group
    group_size = min(num_row_blocks - first_row_block, row_blocks_per_group)
    place = program % programs_per_group
    return first_row_block + place % group_size, place // group_size

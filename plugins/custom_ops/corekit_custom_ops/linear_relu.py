"""The op `linear_relu`: its checks, its plain-torch reference and its registration with torch.

It refuses to guess: no broadcasting of bias, no dtype promotion; what does not fit is an error that names the fix.
"""

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from corekit import example, reference
from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = ["linear_relu", "linear_relu_reference", "implementation"]

_TRITON_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


@example((5, 4), (4, 3), (3,))
@example((2, 5, 4), (4, 3))
@example((4,), (4, 3), (3,))
def linear_relu(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Dense layer and ReLU in one op: one kernel on CUDA, plain torch elsewhere.

    y = max(0, x @ kernel + bias)

    It differentiates twice, compiles without a graph break and exports. Inside `torch.autocast` it computes in
    the autocast dtype, as `torch.nn.functional.linear` does.

    Shape: x (..., in), kernel (in, out), bias (out,) -> (..., out).

    Args:
        x: Any number of leading dims, also none, also empty; floating point.
        kernel: In Keras's layout, the transpose of `torch.nn.Linear.weight`. Same dtype and device as x.
        bias: Left out, nothing is added.

    Raises:
        ShapeError: x has no dims, kernel is not 2-D, or the sizes differ.
        ArgumentTypeError: A dtype is not floating point, or differs from x's outside of autocast.
        ArgumentError: kernel or bias is on another device than x.

    Example:
        >>> import torch
        >>> x = torch.tensor([[1.0, 2.0]])
        >>> kernel = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
        >>> linear_relu(x, kernel, torch.tensor([0.5, 0.5]))
        tensor([[3.5000, 0.0000]])

    Reference:
        Tillet, Kung, Cox, "Triton: an intermediate language and compiler for tiled neural network
        computations", MAPL 2019, doi 10.1145/3315508.3329973.
    """
    x, kernel, bias = _autocast(x, kernel, bias)
    _check_shapes(x, kernel, bias)
    _check_dtype_and_device("kernel", kernel, x)
    if bias is not None:
        _check_dtype_and_device("bias", bias, x)
    y: Tensor = _linear_relu_op(x, kernel, bias)
    return y


@reference("corekit_custom_ops::linear_relu")
def linear_relu_reference(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """What `linear_relu` must equal, in plain torch and without checks.

    y = max(0, x @ kernel + bias)

    Shape: x (..., in), kernel (in, out), bias (out,) -> (..., out).

    Example:
        >>> linear_relu_reference(torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [1.0]]))
        tensor([3.])
    """
    return torch.relu(torch.nn.functional.linear(x, kernel.t(), bias))


def implementation(device: torch.device | str, *, dtype: torch.dtype = torch.float32) -> Literal["triton", "reference"]:
    """Say which code runs for a tensor on `device`: the Triton kernel or the plain-torch reference.

    Args:
        device: A torch device or its name; it need not exist on this machine.
        dtype: Of the tensors. float64 is the reference's everywhere.

    Example:
        >>> implementation("cpu")
        'reference'
    """
    on_triton = torch.device(device).type == "cuda" and dtype in _TRITON_DTYPES
    return "triton" if on_triton and _load_triton_kernel() is not None else "reference"


def _autocast(x: Tensor, kernel: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Cast as autocast does: to its dtype of the moment, which `torch.library.register_autocast` cannot follow."""
    device_type = x.device.type
    if device_type == "meta" or not torch.is_autocast_enabled(device_type):
        return x, kernel, bias
    dtype = torch.get_autocast_dtype(device_type)

    def cast(tensor: Tensor) -> Tensor:
        eligible = tensor.is_floating_point() and tensor.dtype != torch.float64
        return tensor.to(dtype) if eligible else tensor

    return cast(x), cast(kernel), None if bias is None else cast(bias)


def _check_shapes(x: Tensor, kernel: Tensor, bias: Tensor | None) -> None:
    if x.ndim == 0:
        raise ShapeError(
            "linear_relu got x without dims, and needs x (..., in).\n  Give it one:  linear_relu(x[None], kernel)"
        )
    if kernel.ndim != 2:
        raise ShapeError(
            f"linear_relu got a {kernel.ndim}-D kernel of shape {tuple(kernel.shape)}, and needs kernel (in, out)."
            "\n  A batch of kernels is torch.relu(torch.matmul(x, kernel));  one column is kernel[:, None]."
        )
    if x.shape[-1] != kernel.shape[0]:
        raise ShapeError(
            f"linear_relu cannot multiply x {tuple(x.shape)} by kernel {tuple(kernel.shape)}: "
            f"{x.shape[-1]} is not {kernel.shape[0]}.\n"
            "  x is (..., in) and kernel (in, out), Keras's layout.\n"
            "  For a torch.nn.Linear write:  linear_relu(x, linear.weight.T, linear.bias)"
        )
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != kernel.shape[1]):
        raise ShapeError(
            f"linear_relu got bias {tuple(bias.shape)} for kernel {tuple(kernel.shape)}, "
            f"and needs bias ({kernel.shape[1]},).\n"
            f"  One number for all outputs:  bias.expand({kernel.shape[1]});  no bias:  linear_relu(x, kernel)"
        )


def _check_dtype_and_device(name: str, tensor: Tensor, x: Tensor) -> None:
    if not x.is_floating_point():
        raise ArgumentTypeError(
            f"linear_relu got x of dtype {x.dtype}, and needs a floating point one.\n"
            f"  Convert it:  linear_relu(x.to({tensor.dtype if tensor.is_floating_point() else torch.float32}), ...)"
        )
    if tensor.dtype != x.dtype:
        raise ArgumentTypeError(
            f"linear_relu got x of dtype {x.dtype} but {name} of dtype {tensor.dtype}, and needs one dtype for all.\n"
            f"  Convert one:  {name}.to(x.dtype);  or let torch do it:  with torch.autocast(x.device.type): ..."
        )
    if tensor.device != x.device:
        raise ArgumentError(
            f"linear_relu got x on {x.device} but {name} on {tensor.device}, and needs one device for all.\n"
            f"  Move it:  {name}.to(x.device)"
        )


@functools.cache
def _load_triton_kernel() -> Callable[[Tensor, Tensor, Tensor | None], Tensor] | None:
    try:  # here and not at the top: Triton is optional, and slow to import
        from corekit_custom_ops.linear_relu_triton import linear_relu_triton
    except ImportError:
        return None
    return linear_relu_triton


@functools.cache
def _warn_without_triton() -> None:
    warnings.warn(
        "linear_relu runs its plain-torch reference on CUDA, because Triton cannot be imported. "
        "The results are the same; for the fused kernel: pip install triton",
        stacklevel=2,
    )


# Registered for every device, so that one we never heard of gets the reference; CUDA then has its own.
@torch.library.custom_op("corekit_custom_ops::linear_relu", mutates_args=())
def _linear_relu_op(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return linear_relu_reference(x, kernel, bias).contiguous()


@_linear_relu_op.register_kernel("cuda")
def _linear_relu_cuda(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    fused = _load_triton_kernel()
    if fused is None:
        _warn_without_triton()
    if fused is None or x.dtype not in _TRITON_DTYPES:
        return linear_relu_reference(x, kernel, bias).contiguous()
    return fused(x, kernel, bias)


@_linear_relu_op.register_fake
def _linear_relu_fake(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty((*x.shape[:-1], kernel.shape[1]))


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
    x, kernel, _ = inputs
    need_x, need_kernel, _ = ctx.needs_input_grad[:3]
    ctx.save_for_backward(x if need_kernel else None, kernel if need_x else None, output)


def _rows(tensor: Tensor) -> Tensor:
    # math.prod and not -1, which torch cannot resolve when the last dim is 0
    return tensor.reshape(math.prod(tensor.shape[:-1]), tensor.shape[-1])


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    x, kernel, y = ctx.saved_tensors
    need_x, need_kernel, need_bias = ctx.needs_input_grad[:3]
    grad_z = torch.ops.aten.threshold_backward(grad_y, y, 0)  # relu's own derivative, NaN included
    grad_x = grad_z @ kernel.t() if need_x else None
    grad_kernel = _rows(x).t() @ _rows(grad_z) if need_kernel else None
    grad_bias = _rows(grad_z).sum(0) if need_bias else None
    return grad_x, grad_kernel, grad_bias


_linear_relu_op.register_autograd(_backward, setup_context=_setup_context)

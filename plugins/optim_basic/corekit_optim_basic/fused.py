"""Where torch's fused optimizer kernels may stand in for an optimizer's own lines."""

import torch
from torch import Tensor

_DEVICES = ("cpu", "cuda")
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)  # the kernels take the rate as float32: too coarse for float64


def has_fused_kernel(params: list[Tensor]) -> bool:
    """Whether the fused kernels of torch may update these tensors of one device and dtype.

    Not in code under a compiler, which fuses the plain lines itself, and not where a tensor's elements do not fill
    one block of memory (a slice of another): the kernel walks the block.

    Example:
        >>> has_fused_kernel([torch.zeros(2)]), has_fused_kernel([torch.zeros(2, dtype=torch.float64)])
        (True, False)
    """
    one = params[0]
    if torch.compiler.is_compiling() or one.device.type not in _DEVICES or one.dtype not in _DTYPES:
        return False
    return all(param.is_contiguous() or _is_dense(param) for param in params)


def _is_dense(param: Tensor) -> bool:
    return torch.empty_like(param, device="meta").stride() == param.stride()

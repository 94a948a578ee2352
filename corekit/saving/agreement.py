"""Whether an exported file gives what the model gives."""

from __future__ import annotations

import torch
from torch import Tensor

from corekit.errors import SaveError

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""How far outputs may be apart, in units of the largest one, or of 1 where that is smaller."""


def difference(where: str, expected: list[Tensor], got: list[Tensor], coarsest: torch.dtype) -> float:
    """Return the largest difference between a file's outputs and the model's, in units of the largest of an output.

    Args:
        where: how errors begin.
        expected: the model's outputs.
        got: the file's.
        coarsest: the floating-point dtype in which they were computed; of several, the one with the fewest digits.

    Raises:
        SaveError: it is too large, or the outputs are others in number, shape or dtype.

    Example:
        >>> difference("", [torch.tensor([1.0, 2.0])], [torch.tensor([1.0, 2.0 + 2**-20])], torch.float32) == 2**-21
        True
    """
    if len(expected) != len(got):
        raise SaveError(f"{where}gives {len(got)} outputs, and the model {len(expected)}.")
    largest = 0.0
    for number, (ours, theirs) in enumerate(zip(expected, got, strict=True)):
        ours, theirs = ours.detach().cpu(), theirs.detach().cpu()
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise SaveError(
                f"{where}gives output {number} as {theirs.dtype} {tuple(theirs.shape)}, and the model as {ours.dtype} "
                f"{tuple(ours.shape)}."
            )
        apart, unit = _apart(ours, theirs)
        allowed = (
            TOLERANCE.get(coarsest, TOLERANCE[torch.float32]) if ours.is_floating_point() or ours.is_complex() else 0.0
        )
        if not apart <= allowed * unit:  # so that NaN is too far
            raise SaveError(
                f"{where}gives output {number} with a difference of {apart:.2g} from the model's; {allowed * unit:.2g} "
                "is allowed.\n  Is the output random, or does call depend on more than its inputs?"
            )
        largest = max(largest, apart / unit)
    return largest


def _apart(ours: Tensor, theirs: Tensor) -> tuple[float, float]:
    """Return how far two tensors are apart, and the unit to see it in. Equal infinities and NaNs are not apart."""
    if ours.numel() == 0:
        return 0.0, 1.0
    if not (ours.is_floating_point() or ours.is_complex()):
        return float((ours != theirs).any()), 1.0
    wide = torch.complex128 if ours.is_complex() else torch.float64
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    ours, theirs = ours.to(wide), theirs.to(wide)
    sizes = ours.abs()[ours.isfinite()]
    unit = max(1.0, sizes.max().item()) if sizes.numel() else 1.0
    return (ours - theirs).abs().masked_fill(same, 0.0).max().item(), unit

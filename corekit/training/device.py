"""Where to train: the best accelerator there is, unless the user said otherwise."""

from __future__ import annotations

import functools
from typing import Any

import torch

from corekit.errors import DeviceError
from corekit.model.model import Model


def choose(model: Model, wanted: Any = None) -> torch.device:
    """Return the device for a model.

    Args:
        model: one whose weights are off the CPU, or that was placed by `model.to`, stays where it is.
        wanted: what `compile(device=...)` was given; None for the rule above.

    Raises:
        DeviceError: the wanted device is not there.
    """
    if wanted is not None:
        return _checked(wanted)
    home = model.device
    best = best_accelerator()
    if best is None or model.placed or home.type != "cpu" or torch.get_default_device().type != "cpu":
        return home
    return torch.device(best.type, torch.accelerator.current_device_index())


@functools.cache
def best_accelerator() -> torch.device | None:
    """Return the kind of accelerator that torch can use here, or None. Looked up once: it costs as much as a layer."""
    return torch.accelerator.current_accelerator(check_available=True)


def _checked(wanted: Any) -> torch.device:
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(
            f'device={wanted!r} is not a device that torch knows. Write for example device="cpu", "cuda" or "cuda:0".'
        ) from error
    if device.type in ("cpu", "meta"):
        return device
    best = best_accelerator()
    if best is None or best.type != device.type:
        here = (
            "this machine has no accelerator that torch can use" if best is None else f"this machine has {best.type!r}"
        )
        if device.type == "cuda" and torch.version.cuda is None:
            here = "this torch was built without CUDA (torch.version.cuda is None)"
        raise DeviceError(
            f'device="{wanted}" was asked for, but {here}.\n'
            '  Use device="cpu", or leave device out and corekit takes the best one it finds. Nothing was moved.'
        )
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise DeviceError(
            f'device="{wanted}" was asked for, but there are {count} {device.type} devices, numbered from 0. '
            "Nothing was moved."
        )
    return device


def place(model: Model) -> torch.device:
    """Bring the model to where it computes, which the user may have changed since `compile`."""
    trainer = model._trainer
    device = trainer.device if trainer is not None and trainer.device_was_given else choose(model)
    if trainer is not None:
        trainer.device = device
    if model.device != device:
        torch.nn.Module.to(model, device)  # not Model.to, which is the user's word
    return device

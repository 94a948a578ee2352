"""Operations that compilers leave whole.

A compiler takes torch's LSTM apart, step by step, and needs minutes for it. An operation of one's own it cannot look
into. Why not `torch.library.custom_op`: in torch 2.13 its gradient fails under `torch.func.grad`, with which whole
training steps are traced; an `autograd.Function` there fails under `functionalize`. What is used here instead is the
same thing one floor below, of which torch exports only a part; so it is all in this file, and tests run every way.

The backward runs the forward again, with autograd; nothing of torch's inner state has to be named or kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd.function import _SingleLevelFunction
from torch.fx.experimental.proxy_tensor import get_proxy_mode

from corekit import reference

NAMESPACE = "corekit_layers_sequence"


def is_traced() -> bool:
    """Return whether a compiler, an exporter or `torch.func` is reading along."""
    return (
        torch.compiler.is_compiling()
        or get_proxy_mode() is not None
        or torch._C._functorch.peek_interpreter_stack() is not None
    )


def opaque(name: str, run: Callable[..., tuple[Tensor, ...]], num_states: int) -> Callable[..., Any]:
    """Return a recurrence as an operation that compilers leave whole, with its gradient; exported files get `run`.

    Args:
        name: of the operation.
        run: takes x (batch, steps, features), the states (batch, units) and three weights; gives (batch, steps,
            units), which lies with the steps first, and the last states.
        num_states: how many states there are.
    """
    inputs = ["x", *(f"state{number}" for number in range(num_states)), "kernel", "recurrent_kernel", "bias"]
    gradients = [f"grad{number}" for number in range(1 + num_states)]
    _define(name, inputs, 1 + num_states)
    _define(f"{name}_backward", [*gradients, *inputs], len(inputs))
    operations = getattr(torch.ops, NAMESPACE)
    forward, backward = getattr(operations, name), getattr(operations, f"{name}_backward")

    def compute(*tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            y, *states = run(*tensors)
        return _steps_first(y), *(state.contiguous() for state in states)

    def foretell(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        states = others[:num_states]
        y = x.new_empty(x.shape[1], x.shape[0], states[0].shape[1]).transpose(0, 1)
        return y, *(state.new_empty(state.shape) for state in states)

    def compute_backward(*tensors: Tensor) -> tuple[Tensor, ...]:
        grads, given = tensors[: 1 + num_states], tensors[1 + num_states :]
        with _autograd_again(), torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in given]
            found = torch.autograd.grad(run(*leaves), leaves, grads)
        return tuple(torch.empty_like(leaf).copy_(grad) for leaf, grad in zip(given, found, strict=True))

    def foretell_backward(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(tensor) for tensor in tensors[1 + num_states :])

    class Differentiable(_SingleLevelFunction):
        @staticmethod
        def forward(ctx: Any, *tensors: Tensor) -> Any:
            with torch._C._AutoDispatchBelowAutograd():
                outputs = forward(*tensors)
            ctx.save_for_backward(*tensors)
            return outputs

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            return backward(*grads, *ctx.saved_tensors)

    def differentiable(*tensors: Tensor) -> Any:
        with enable_single_level_autograd_function():
            return Differentiable.apply(*tensors)  # type: ignore[attr-defined]  # made by torch's metaclass

    _implement(name, compute, foretell)
    _implement(f"{name}_backward", compute_backward, foretell_backward)
    torch.library.impl(f"{NAMESPACE}::{name}", "Autograd")(differentiable)
    reference(f"{NAMESPACE}::{name}")(run)
    return forward  # type: ignore[no-any-return]  # torch types no custom op


def _define(name: str, inputs: list[str], num_outputs: int) -> None:
    arguments, outputs = ", ".join(f"Tensor {one}" for one in inputs), ", ".join(["Tensor"] * num_outputs)
    torch.library.define(f"{NAMESPACE}::{name}", f"({arguments}) -> ({outputs})")


def _implement(name: str, compute: Callable[..., Any], foretell: Callable[..., Any]) -> None:
    torch.library.impl(f"{NAMESPACE}::{name}", "CompositeExplicitAutograd")(compute)
    torch.library.register_fake(f"{NAMESPACE}::{name}")(foretell)


def _steps_first(y: Tensor) -> Tensor:
    """Return (batch, steps, units) as it was foretold to lie; torch's kernels leave it so."""
    return y.transpose(0, 1).contiguous().transpose(0, 1)


def _autograd_again() -> Any:
    """Return a context in which an operation's inside may use autograd, which torch has switched off there."""
    return torch._C._SetExcludeDispatchKeyGuard(torch._C.DispatchKey.AutogradFunctionality, False)

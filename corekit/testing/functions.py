"""What activations, initializers, regularizers and constraints must do alike."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.dtype import dtype_name
from corekit.protocols.example import Values
from corekit.testing.case import Case, leaves
from corekit.testing.compare import assert_equal, told, wrong_derivative
from corekit.testing.effects import TORCH_GENERATOR, watched
from corekit.testing.every_kind import rebuilt
from corekit.testing.kit import Skip, fail
from corekit.testing.stray import Stray

LARGE = 1e4
SHAPE = (None, None)
"""Of the weights that initializers make, where an example declares none."""


def function_of(case: Case) -> Callable[..., Any]:
    """Return what is called: an object of a class, or the function with the example's keywords."""
    value = case.subject.value
    made: Callable[..., Any] = case.make() if isinstance(value, type) else functools.partial(value, **case.arguments)
    return made


def shape_of(case: Case, rows: int = 4, columns: int = 3) -> tuple[int, ...]:
    """Return the shape that an initializer is asked for, with these in turn for sizes that may be any."""
    declared = case.example.inputs[0] if case.example.inputs else Values(SHAPE)
    free = (rows, columns)
    return tuple(free[axis % 2] if size is None else size for axis, size in enumerate(declared.shape))


def result(case: Case, function: Callable[..., Any], *, seed: int = 0) -> list[Tensor]:
    """Return what comes of a call, in a list."""
    torch.manual_seed(seed)
    if case.subject.kind == "initializers":
        return [function(shape_of(case), dtype=torch.float32)]
    return leaves(function(*case.inputs()))


def explains(case: Case) -> None:
    """`corekit info` and help() show the docstring, and files hold the name: a lambda has neither."""
    value = case.subject.value
    if not value.__name__.isidentifier():
        fail(case, on="its name", expected="one that files can hold", got=value.__name__, fix="Write def, not lambda.")
    if not (value.__doc__ or "").strip():
        fail(case, on="help()", expected="a docstring", got="none", fix="Say in one line what it does.")


def side_effects(case: Case) -> None:
    """A function that sets a default dtype, seeds numpy or patches torch breaks code in another file, hours away."""
    allowed = (TORCH_GENERATOR,) if case.subject.kind == "initializers" else ()
    torch.manual_seed(0)
    inputs = () if case.subject.kind == "initializers" else case.inputs()
    with watched(allowed=allowed) as found:
        function = function_of(case)
        function(*inputs) if inputs else function(shape_of(case), dtype=torch.float32)
    if found:
        fail(
            case,
            on="made and called",
            expected="nothing else to change",
            got=f"it {', '.join(found)}",
            fix="Compute with what is given, and draw from torch's generator only where drawing is the purpose.",
        )


def dtypes(case: Case) -> None:
    """One result in another dtype doubles a model's memory, or ends `fit` in bfloat16 with an error of torch's."""
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        on = f"input in {dtype_name(dtype)}"
        fix = "Make tensors with x.new_zeros(...) or dtype=x.dtype; do not call .float()."
        with told(case, on, fix):
            outputs = leaves(function_of(case)(*case.inputs(dtype)))
        for one in outputs:
            if one.dtype != dtype:
                fail(case, on=on, expected=f"a result in {dtype_name(dtype)}", got=dtype_name(one.dtype), fix=fix)


def devices(case: Case) -> None:
    """A tensor that is made on the CPU works on every laptop and on no GPU."""
    inputs = case.inputs(device="meta")
    on, fix = "input on the meta device", "Make tensors with x.new_zeros(...) or device=x.device."
    stray = Stray()  # type: ignore[no-untyped-call]  # torch's
    function = function_of(case)
    with told(case, on, fix), stray:
        outputs = leaves(function(*inputs))
    for one in outputs:
        if one.device.type != "meta":
            fail(case, on=on, expected="a result on device meta", got=f"on {one.device.type}", fix=fix)
    if stray.found:
        fail(case, on=on, expected="tensors on the input's device", got=f"one on the CPU, from {stray.found}", fix=fix)


def inputs_stay(case: Case) -> None:
    """A function that changes its input in place breaks whoever else uses that tensor, the weight itself included."""
    inputs = case.inputs()
    function_of(case)(*inputs)
    assert_equal(
        case,
        case.inputs(),
        inputs,
        on="its input after the call",
        exact=True,
        fix="Work on a new tensor: x + 1 in place of x += 1 or x.add_(1).",
    )


def strides(case: Case) -> None:
    """Transposed tensors come all the time (convolution kernels lie so): reading memory in order gives nonsense."""
    expected = result(case, function_of(case))
    for lay in (lambda x: torch.stack([x, x], -1)[..., 0], lambda x: x.transpose(0, -1).contiguous().transpose(0, -1)):
        got = leaves(function_of(case)(*(lay(one) for one in case.inputs())))
        assert_equal(
            case,
            expected,
            got,
            on="an input that is not contiguous",
            fix="Use reshape in place of view, and never data_ptr or as_strided.",
        )


def repeats(case: Case) -> None:
    """What is computed twice from the same numbers must be the same, or no run can be repeated."""
    function = function_of(case)
    first = result(case, function, seed=1)
    assert_equal(
        case,
        first,
        result(case, function, seed=2),
        on="a second call",
        exact=True,
        fix="Draw no random numbers, and keep nothing from one call to the next.",
    )


def gradients(case: Case) -> None:
    """A wrong gradient does not fail: the model trains, to something worse."""
    _checked(case, torch.autograd.gradcheck, "gradient")


def second_gradients(case: Case) -> None:
    """Gradient penalties and meta-learning derive twice: a backward that is not differentiable gives them zeros."""
    _checked(case, torch.autograd.gradgradcheck, "second gradient")


def nan_passes(case: Case) -> None:
    """Training stops at a loss of nan, and says so; a function that turns nan into a number hides that all is lost."""
    inputs = case.inputs()
    inputs[0].reshape(-1)[0] = float("nan")
    if not any(one.isnan().any() for one in leaves(function_of(case)(*inputs))):
        fail(
            case,
            on="an input with a nan",
            expected="nan in the result",
            got="numbers",
            fix="Write torch.where(x <= limit, other, x): a comparison with nan is False. Do not use nan_to_num.",
        )


def extremes(case: Case) -> None:
    """Biases start at 0, and early in training values are large: nan there ends a run that had just begun."""
    for value in (0.0, LARGE, -LARGE):
        inputs = [torch.full_like(one, value).requires_grad_() for one in case.inputs()]
        outputs = leaves(function_of(case)(*inputs))
        on = f"an input that is {value:g} everywhere"
        fix = "Avoid 0 / 0, inf - inf and the root of 0: add a small number below, or use torch's stable functions."
        if any(one.isnan().any() for one in outputs):
            fail(case, on=on, expected="no nan in the result", got="nan", fix=fix)
        summed = sum(one.sum() for one in outputs)
        if isinstance(summed, Tensor) and summed.requires_grad:
            grads = torch.autograd.grad(summed, inputs, allow_unused=True)
            if any(one is not None and one.isnan().any() for one in grads):
                fail(case, on=on, expected="no nan in the gradient", got="nan", fix=fix)


def compiles(case: Case) -> None:
    """One break in the graph, and the training step around it is not compiled at all: `fit` runs at eager speed."""
    from torch._dynamo.eval_frame import is_dynamo_supported  # torch.compile's part of torch, which is heavy

    if not is_dynamo_supported():
        raise Skip("torch.compile does not support this Python or system")
    function = function_of(case)
    on, fix = "torch.compile(fullgraph=True)", "Use torch functions only: no print, numpy, .item() or branch on values."
    torch._dynamo.reset()
    run: Any = torch.compile(lambda *x: function(*x), fullgraph=True, backend="aot_eager")
    with told(case, on, fix):
        got = leaves(run(*case.inputs()))
    torch._dynamo.reset()
    assert_equal(case, result(case, function), got, on=on, fix=fix)


def config(case: Case) -> None:
    """A model file holds the config: an argument that is missing in it comes back as its default, and silently."""
    if not isinstance(case.subject.value, type):
        raise Skip("it is a function, which has no config")
    made = case.make()
    again = rebuilt(case, made)
    on, fix = "after from_config(get_config())", "Compute from the arguments of the constructor alone."
    assert_equal(case, result(case, made), result(case, again), on=on, exact=True, fix=fix)


def copies(case: Case) -> None:
    """Layers hold it, and layers are copied and pickled: a lambda inside ends cross-validation and DataLoaders."""
    value = case.subject.value
    made = function_of(case)
    on, fix = "a deep copy", "Keep plain data in it: no lambda, generator, lock or open file."
    with told(case, on, fix):
        twin = copy.deepcopy(made)
    assert_equal(case, result(case, made), result(case, twin), on=on, exact=True, fix=fix)
    if getattr(sys.modules.get(value.__module__), value.__qualname__, None) is value:
        try:
            twin = pickle.loads(pickle.dumps(made))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            fail(case, on="pickle.dumps", expected="bytes", got=str(error), fix=fix)
        assert_equal(case, result(case, made), result(case, twin), on="after a pickle", exact=True, fix=fix)


def _checked(case: Case, check: Callable[..., bool], what: str) -> None:
    inputs = case.inputs(torch.float64, requires_grad=True)
    function = function_of(case)
    fix = "Correct the backward, or compute with torch functions only."
    outputs = leaves(function(*inputs))
    if not any(one.requires_grad for one in outputs):
        fail(case, on=what, expected="a result that depends on the input", got="one that no gradient leads back from",
             fix="Do not detach, and compute with torch functions only.")  # fmt: skip
    if got := wrong_derivative(check, lambda *x: tuple(leaves(function(*x))), inputs):
        fail(case, on=f"{what} in float64", expected="what differences of the result say", got=got, fix=fix)

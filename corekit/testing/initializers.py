"""What every initializer must do: a shape in, a weight's first values out."""

from __future__ import annotations

import inspect

import torch

from corekit.protocols.dtype import dtype_name
from corekit.protocols.layer import Layer
from corekit.testing import functions
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal, told
from corekit.testing.drawing import for_all
from corekit.testing.functions import function_of, result, shape_of
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail

CHECKS = CheckList("initializers", minimum=10)

CHECKS.check(functions.side_effects)
CHECKS.once(functions.explains)


@CHECKS.check
def shapes(case: Case) -> None:
    """A weight has the shape that its layer computes with; any other ends in an error far from here."""
    function = function_of(case)

    def agree(rows: int, columns: int) -> None:
        shape = shape_of(case, rows, columns)
        got = function(shape, dtype=torch.float32)
        if tuple(got.shape) != shape:
            fail(case, on="its shape", expected=shape, got=tuple(got.shape), fix="Make a tensor of the shape given.")
        if not torch.isfinite(got).all():
            fail(case, on=f"shape {shape}", expected="finite numbers", got="nan or inf", fix="Do not divide by a size.")

    for_all(agree, rows=(1, 6), columns=(1, 6))


@CHECKS.check
def dtypes(case: Case) -> None:
    """Weights of a float64 or bfloat16 model must be such from the start; without a dtype it is `config.floatx()`."""
    function, shape = function_of(case), shape_of(case)
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        name = dtype_name(dtype)
        fix = f"Make the tensor with dtype=dtype; draw in float32 and cast, where torch does not know {name}."
        with told(case, f"dtype=torch.{name}", fix):
            got = function(shape, dtype=dtype).dtype
        if got != dtype:
            fail(case, on=f"dtype=torch.{name}", expected=name, got=got, fix=fix)
    if not function(shape).dtype.is_floating_point:
        fail(case, on="no dtype given", expected="floating point", got="whole numbers", fix="Default to floatx.")


@CHECKS.check
def devices(case: Case) -> None:
    """Weights are made on torch's default device: one that is made on the CPU has to be found and moved by hand."""
    function, shape = function_of(case), shape_of(case)
    fix = "Make the tensor without device=, or move it to torch.get_default_device()."
    with torch.device("meta"), told(case, "under torch.device('meta')", fix):
        got = function(shape, dtype=torch.float32)
    if got.device.type != "meta":
        fail(case, on="under torch.device('meta')", expected="on meta", got=f"on {got.device.type}", fix=fix)


@CHECKS.check
def seeds(case: Case) -> None:
    """torch's seed must repeat the weights, and two weights must differ, or all units of a model learn the same."""
    function = function_of(case)
    fix = "Draw with torch only, from its generator or one made of `seed` at each call."
    first, again = result(case, function, seed=1), result(case, function, seed=1)
    assert_equal(case, first, again, on="torch.manual_seed(1) twice", exact=True, fix=fix)
    before = torch.get_rng_state()
    second = function(shape_of(case), dtype=torch.float32)
    moved = not torch.equal(before, torch.get_rng_state())
    other = result(case, function, seed=2)
    if torch.equal(before, torch.get_rng_state()):
        got = "one state of torch's generator: it seeds the generator itself"
        fail(case, on="torch.manual_seed(1), then 2", expected="two states", got=got, fix=fix)
    if case.arguments.get("seed") is not None:
        assert_equal(case, first, [second], on="two calls with a seed of its own", exact=True, fix=fix)
        if moved:
            got = "numbers were taken from it"
            fail(case, on="a seed of its own", expected="torch's generator as it was", got=got, fix=fix)
        return
    if not moved:
        raise Skip("it is not random")
    if torch.equal(first[0], second) or torch.equal(first[0], other[0]):
        fail(case, on="two weights in a row", expected="two that differ", got="the same twice", fix=fix)


@CHECKS.check
def seed_argument(case: Case) -> None:
    """`seed=1` makes a weight that can be repeated, whatever ran before; a seed that is ignored is worse than none."""
    cls = case.subject.value
    if not isinstance(cls, type) or "seed" not in inspect.signature(cls).parameters:
        raise Skip("it takes no seed")
    fix = "Draw from torch.Generator().manual_seed(self.seed), made at each call."
    one, same, other = case.make(seed=1), case.make(seed=1), case.make(seed=2)
    first = result(case, one, seed=3)
    assert_equal(case, first, result(case, same, seed=4), on="two objects with seed=1", exact=True, fix=fix)
    assert_equal(case, first, result(case, one, seed=5), on="a second call with seed=1", exact=True, fix=fix)
    if torch.equal(first[0], result(case, other, seed=3)[0]):
        fail(case, on="seed=1 and seed=2", expected="two weights that differ", got="the same", fix=fix)


@CHECKS.check
def fresh_memory(case: Case) -> None:
    """A weight is trained in place: where it shares memory with another, or with itself, both are trained."""
    function, shape = function_of(case), shape_of(case)
    one, other = function(shape, dtype=torch.float32), function(shape, dtype=torch.float32)
    fix = "Return a new tensor: .clone() after expand, and none that the object keeps."
    if one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr():
        fail(case, on="two calls", expected="two tensors", got="one and the same memory", fix=fix)
    if one.untyped_storage().nbytes() < one.numel() * one.element_size():
        fail(case, on="its memory", expected="a place for each number", got=f"strides {one.stride()}", fix=fix)
    if one.requires_grad:
        fail(case, on="its result", expected="a plain tensor", got="one that requires a gradient", fix="Detach it.")


@CHECKS.check
def makes_weights(case: Case) -> None:
    """`add_weight(initializer=...)` is what it is for: the weight must be made, be trainable and hold its numbers."""
    function, shape = function_of(case), shape_of(case)

    class Holder(Layer):
        def build(self, input_shape: object) -> None:
            self.held = self.add_weight(shape=shape, initializer=function, name="held")

    torch.manual_seed(0)
    layer = Holder()
    layer.build((None, 1))
    fix = "Take (shape, dtype=None) and return a tensor of them."
    assert_equal(case, result(case, function), [layer.held.detach()], on="a weight made with it", exact=True, fix=fix)


CHECKS.check(functions.config)
CHECKS.check(functions.copies)
CHECKS.once(import_budget)

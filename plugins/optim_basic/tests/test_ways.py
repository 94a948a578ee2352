"""However the tensors are handed over, one by one, joined or to a fused kernel, the numbers are the same."""

import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD

VARIANTS = {
    "sgd": lambda: SGD(0.1),
    "sgd_momentum": lambda: SGD(0.1, momentum=0.9, weight_decay=0.1),
    "sgd_nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.01, weight_decay=0.1),
    "adam_amsgrad": lambda: Adam(0.01, amsgrad=True),
    "rmsprop": lambda: RMSprop(0.01, weight_decay=0.1),
    "rmsprop_all": lambda: RMSprop(0.01, momentum=0.9, centered=True),
}
SHAPES = [(17, 9), (9,), (), (0, 3)]


def tensors(dtype):
    return [torch.randn(shape, dtype=dtype) for shape in SHAPES]


def run(make, dtype, *, flat_limit=None, loop=False, compiled=False, steps=10):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(tensor) for tensor in tensors(dtype)]
    optimizer = make().bind(weights)
    if flat_limit is not None:
        optimizer.flat_limit = flat_limit
    if loop:
        optimizer.update_many = super(type(optimizer), optimizer).update_many
    apply = optimizer.apply
    if compiled:
        torch._dynamo.reset()
        optimizer.prepare()
        apply = torch.compile(lambda grads: optimizer.apply(grads), fullgraph=True, backend="aot_eager")
    for _ in range(steps):
        apply(tensors(dtype))
    return weights, optimizer


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_loop_flat_and_fused_agree(variant, dtype, tolerance):
    looped, _ = run(VARIANTS[variant], dtype, flat_limit=0, loop=True)

    as_shipped, _ = run(VARIANTS[variant], dtype)
    flat, _ = run(VARIANTS[variant], dtype, flat_limit=2**14)

    # float32 rounds at 6e-8 of a weight of about 1, a few times in each of ten steps
    for way in (as_shipped, flat):
        torch.testing.assert_close(way, looped, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("variant", VARIANTS)
def test_compiled_step_equals_eager(variant):
    eager, _ = run(VARIANTS[variant], torch.float32, steps=3)

    compiled, optimizer = run(VARIANTS[variant], torch.float32, steps=3, compiled=True)

    torch.testing.assert_close(compiled, eager, rtol=1e-6, atol=1e-6)
    assert optimizer.iterations == 3


def test_scheduled_steps_do_not_recompile():
    torch._dynamo.reset()
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = SGD(lambda step: 0.1 / (1 + step)).bind([weight])
    optimizer.prepare()
    apply = torch.compile(lambda grads: optimizer.apply(grads), fullgraph=True, backend="aot_eager")

    with torch._dynamo.config.patch(error_on_recompile=True):
        for _ in range(3):
            apply([torch.ones(3)])

    assert weight.tolist() == pytest.approx([1 - 0.1 - 0.05 - 0.1 / 3] * 3)


@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9), lambda: Adam(0.1)])
def test_strided_tensors_update_rightly(make):
    torch.manual_seed(0)
    values, grad = torch.randn(4, 6), torch.randn(6, 4).t()
    plain, channels_last = torch.nn.Parameter(values.clone()), torch.nn.Parameter(values.t().contiguous().t())
    slice_of_wider = torch.nn.Parameter(torch.zeros(4, 12)[:, ::2].copy_(values))
    weights = [plain, channels_last, slice_of_wider]

    for weight in weights:
        optimizer = make().bind([weight])
        for _ in range(3):
            optimizer.apply([grad])

    assert not slice_of_wider.is_contiguous()
    for weight in weights[1:]:
        torch.testing.assert_close(weight, plain)


@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9), lambda: Adam(0.1), lambda: RMSprop(0.1)])
def test_half_precision_stays_finite(make):
    weight = torch.nn.Parameter(torch.ones(8, dtype=torch.bfloat16))

    make().bind([weight]).apply([torch.ones(8, dtype=torch.bfloat16)])

    assert weight.dtype == torch.bfloat16
    assert weight.isfinite().all()
    assert (weight < 1).all()


def test_centered_rmsprop_survives_constant_gradient():
    weight = torch.nn.Parameter(torch.zeros(1000))
    optimizer = RMSprop(0.001, centered=True).bind([weight])
    grad = torch.linspace(1, 100, 1000)

    for _ in range(200):
        optimizer.apply([grad])

    assert weight.isfinite().all()

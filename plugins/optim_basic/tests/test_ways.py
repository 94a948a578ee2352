"""However the tensors are handed over, one by one, joined or to a fused kernel, the numbers are the same."""

import shutil

import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD
from torch._inductor.utils import run_and_get_code

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


def run(make, dtype, *, way=None, backend=None, steps=10):
    """Return weights and optimizer after some steps; `way` is "loop" or "flat", default what ships."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(tensor) for tensor in tensors(dtype)]
    optimizer = make().bind(weights)
    if way is not None:
        optimizer.fused = False
        optimizer.flat_limit = 2**14 if way == "flat" else 0
    apply = optimizer.apply
    if backend:
        torch._dynamo.reset()
        optimizer.prepare(flat=False)
        apply = torch.compile(lambda grads: optimizer.apply(grads), fullgraph=True, backend=backend)
    for _ in range(steps):
        apply(tensors(dtype))
    return weights, optimizer


FEATURES = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.5},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.2},
    "ema": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "loss_scale": {"loss_scale_factor": 8.0},
}
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("variant", VARIANTS)
def test_compiled_step_equals_eager(variant, dtype):
    eager, _ = run(VARIANTS[variant], dtype, steps=3)

    with torch._dynamo.config.patch(error_on_recompile=True):
        compiled, optimizer = run(VARIANTS[variant], dtype, steps=3, backend="aot_eager")

    torch.testing.assert_close(compiled, eager, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert optimizer.iterations == 3


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("cls", [SGD, Adam, RMSprop])
def test_compiled_features_equal_eager(cls, feature):
    def make():
        return cls(0.01, **FEATURES[feature])

    eager, _ = run(make, torch.float32, steps=5)

    with torch._dynamo.config.patch(error_on_recompile=True):
        compiled, _ = run(make, torch.float32, steps=5, backend="aot_eager")

    torch.testing.assert_close(compiled, eager, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # torch's, of its own Inductor
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler, and there is no g++")
@pytest.mark.parametrize("feature", ["plain", "ema", "global_clipnorm"])
@pytest.mark.parametrize("cls", [SGD, Adam, RMSprop])
def test_inductor_step_equals_eager(cls, feature):
    def make():
        return cls(lambda done: 0.01 / (1 + done), weight_decay=0.1, **FEATURES[feature])

    eager, _ = run(make, torch.float32, steps=5)

    with torch._dynamo.config.patch(error_on_recompile=True):
        compiled, _ = run(make, torch.float32, steps=5, backend="inductor")

    torch.testing.assert_close(compiled, eager, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # torch's, of its own Inductor
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler, and there is no g++")
def test_inductor_calls_the_fused_kernel_in_place():
    torch._dynamo.reset()
    weights = [torch.nn.Parameter(tensor) for tensor in tensors(torch.float32)]
    optimizer = Adam(0.01).bind(weights)
    optimizer.prepare(flat=False)

    _, (code, *_) = run_and_get_code(torch.compile(optimizer.update_from, fullgraph=True), tensors(torch.float32))

    assert code.count("torch.ops.corekit_optim_basic.fused_adam_.default(") == 1
    assert "auto_functionalized" not in code
    assert "clone" not in code
    assert "empty_strided_cpu((17, 9)" not in code  # no buffer of a weight's size


def test_phases_of_accumulation_compile_apart():
    torch._dynamo.reset()
    eager_weights, weights = ([torch.nn.Parameter(torch.ones(3))] for _ in range(2))
    eager, optimizer = (
        Adam(0.1, gradient_accumulation_steps=3, use_ema=True).bind(w) for w in (eager_weights, weights)
    )
    optimizer.prepare(flat=False)
    collect, update_from = (
        torch.compile(method, fullgraph=True, backend="aot_eager")
        for method in (optimizer.collect, optimizer.update_from)
    )

    with torch._dynamo.config.patch(error_on_recompile=True):
        for number in range(9):
            eager.apply([torch.full((3,), float(number))])
            is_due = optimizer.is_due
            optimizer.note_pass()
            (update_from if is_due else collect)([torch.full((3,), float(number))])

    torch.testing.assert_close(weights, eager_weights, rtol=1e-6, atol=1e-6)
    averages = [each.state[w[0]]["average"] for each, w in ((optimizer, weights), (eager, eager_weights))]
    torch.testing.assert_close(*averages, rtol=1e-6, atol=1e-6)


def test_training_goes_on_between_eager_and_compiled():
    torch._dynamo.reset()
    straight, mixed = ([torch.nn.Parameter(torch.linspace(-1, 1, 5))] for _ in range(2))
    reference, optimizer = (RMSprop(0.1, momentum=0.5).bind(w) for w in (straight, mixed))
    compiled = torch.compile(optimizer.update_from, fullgraph=True, backend="aot_eager")

    for number in range(9):
        grads = [torch.full((5,), number - 4.0)]
        reference.apply(grads)
        if number == 3:
            optimizer.prepare(flat=False)
        (compiled if 3 <= number < 6 else optimizer.apply)(grads)

    torch.testing.assert_close(mixed, straight, rtol=1e-6, atol=1e-6)
    assert optimizer.iterations == 9


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

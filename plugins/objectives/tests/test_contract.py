"""What every component of this distribution does: made by name, rebuilt from config, compiled, moved to meta."""

import pytest
import torch

import corekit as ck
from corekit.registry import registry

LOSSES, METRICS = (
    [c for c in registry.components(kind) if c.distribution == "corekit-objectives"] for kind in ("losses", "metrics")
)
LABELS = torch.tensor([0, 2, 1, 2])
PREDICTIONS = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]])


def names(components):
    return pytest.mark.parametrize("name", [component.name for component in components])


def data(name):
    if name in ("Mean", "Sum"):
        return [PREDICTIONS]
    return [LABELS if name.startswith("Sparse") else torch.eye(3)[LABELS], PREDICTIONS]


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, fullgraph=True, backend="aot_eager")


def test_all_promised_components_are_there():
    assert len(LOSSES) == 7
    assert len(METRICS) == 14


@pytest.mark.parametrize("component", [*LOSSES, *METRICS], ids=lambda c: f"{c.kind}:{c.name}")
def test_every_name_loads_from_its_own_module(component):
    for name in component.targets:
        value = component.load(name)
        assert value.__doc__
        assert "Example:" in value.__doc__


@names(LOSSES)
def test_loss_is_rebuilt_from_its_config(name):
    loss = ck.losses.get(name)
    config = loss.get_config()

    rebuilt = ck.losses.get({"id": f"corekit-objectives:{name}", "config": config})

    assert rebuilt.get_config() == config
    assert torch.equal(rebuilt(*data(name)), loss(*data(name)))


@names(METRICS)
def test_metric_is_rebuilt_from_its_config(name):
    metric = ck.metrics.get(name)
    config = metric.get_config()

    rebuilt = ck.metrics.get({"id": f"corekit-objectives:{name}", "config": config})

    assert rebuilt.get_config() == config
    assert torch.equal(rebuilt(*data(name)), metric(*data(name)))


@names(LOSSES)
def test_loss_gradient_is_that_of_finite_differences(name):
    y_true, y_pred = data(name)
    y_true = y_true if y_true.dtype == torch.long else y_true.double() * 0.83 + 0.07  # off the kinks
    loss = ck.losses.get(name)

    assert torch.autograd.gradcheck(lambda p: loss(y_true, p), (y_pred.double().requires_grad_(),))


@names(LOSSES)
def test_loss_compiles_without_a_break(name):
    loss = ck.losses.get(name)
    weights = torch.tensor([1.0, 0.5, 0.0, 2.0])

    value = compiled(lambda *given: loss(*given))(*data(name), weights)

    torch.testing.assert_close(value, loss(*data(name), weights))


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
def test_loss_on_logits_compiles_with_its_gradient(name):
    loss = ck.losses.get(name)
    y_true, logits = data(name)
    eager, traced = (logits.clone().requires_grad_() for _ in range(2))

    loss(y_true, eager, on_logits=True).backward()
    compiled(lambda t, p: loss(t, p, on_logits=True))(y_true, traced).backward()

    torch.testing.assert_close(traced.grad, eager.grad)


@names(METRICS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_metric_update_compiles_without_a_break(name, dtype):
    eager, traced = (ck.get("metrics", name)(dtype=dtype) for _ in range(2))
    update = compiled(lambda *given: traced.update_state(*given))

    for _ in range(2):
        eager.update_state(*data(name))
        update(*data(name))

    torch.testing.assert_close(traced.result(), eager.result())
    assert eager.result() != 0


@names(LOSSES)
def test_loss_works_on_meta_tensors(name):
    value = ck.losses.get(name)(*[tensor.to("meta") for tensor in data(name)])

    assert value.shape == ()
    assert value.device.type == "meta"


@names(METRICS)
def test_metric_result_is_one_number(name):
    metric = ck.metrics.get(name)

    value = metric(*data(name))

    assert value.shape == ()
    assert value.dtype == torch.float32
    assert name.casefold() == metric.name.replace("_", "")


@names(METRICS)
def test_metric_takes_size_one_and_empty_batches(name):
    metric = ck.metrics.get(name)

    metric.update_state(*[tensor[:0] for tensor in data(name)])
    metric.update_state(*[tensor[:1] for tensor in data(name)])

    assert metric.result().isfinite()


@names(LOSSES)
def test_loss_takes_strided_predictions(name):
    y_true, y_pred = data(name)
    loss = ck.losses.get(name)

    torch.testing.assert_close(loss(y_true, y_pred.t().contiguous().t()), loss(y_true, y_pred))

"""The step: forward, loss, gradients, optimizer, metrics; and what `compile` accepts."""

import copy

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from corekit import Layer
from corekit.errors import ArgumentError, ArgumentTypeError, StateError


def near(value):
    """Weights agree bit for bit; a loss is read as its running mean, (10 * loss) / 10, which may round once more."""
    return pytest.approx(value, rel=1e-6)


def absolute(y_true, y_pred):
    return (y_true - y_pred).abs().mean(dim=-1)


def grads_of(model, loss):
    weights = list(model.parameters())
    return weights, torch.autograd.grad(loss, weights)


def descend(model, x, y, rate, loss_of, optimizer=None):
    """Make one step of a hand-written loop; return the loss."""
    model.train()
    loss = loss_of(model, x, y)
    weights, grads = grads_of(model, loss)
    if optimizer is None:
        with torch.no_grad():
            for weight, grad in zip(weights, grads, strict=True):
                weight.sub_(rate * grad)
    else:
        for weight, grad in zip(weights, grads, strict=True):
            weight.grad = grad
        optimizer.step()
    return loss.item()


def mse(model, x, y):
    return (y - model(x)).square().mean(dim=-1).mean()


def same_weights(a, b):
    return all(torch.equal(v, w) for v, w in zip(a.parameters(), b.parameters(), strict=True))


# Numbers


def test_step_equals_hand_loop(make_model, regression):
    model = make_model()
    twin = copy.deepcopy(model)

    losses = [model.train_on_batch(*regression) for _ in range(5)]

    assert losses == near([descend(twin, *regression, 0.1, mse) for _ in range(5)])
    assert same_weights(model, twin)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW], ids=lambda c: c.__name__)
def test_torch_optimizer_class_equals_hand_loop(make_model, regression, make):
    model = make_model(optimizer=make)
    twin = copy.deepcopy(model)
    optimizer = make(twin.parameters())

    losses = [model.train_on_batch(*regression) for _ in range(5)]

    assert losses == near([descend(twin, *regression, None, mse, optimizer) for _ in range(5)])
    assert same_weights(model, twin)


def test_torch_optimizer_instance_is_used(make_model, regression):
    model = make_model()
    twin = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    model.compile(optimizer, loss=torch.nn.MSELoss())
    by_hand = torch.optim.SGD(twin.parameters(), lr=0.3, momentum=0.9)

    losses = [model.train_on_batch(*regression) for _ in range(3)]

    assert losses == near([descend(twin, *regression, None, mse, by_hand) for _ in range(3)])
    assert model.optimizer is optimizer
    assert all(weight.grad is None for weight in model.parameters())


def test_step_trains_unused_weights_not(make_model, parts, regression):
    class Half(Layer):
        def __init__(self):
            super().__init__()
            self.used, self.unused = parts.Linear(2), parts.Linear(2)

        def call(self, inputs):
            self.unused(inputs)
            return self.used(inputs)

    model = make_model(Half())
    before = model.layers[0].unused.kernel.clone()

    model.train_on_batch(*regression)

    assert torch.equal(model.layers[0].unused.kernel, before)


# Optimizers that do not fit


def test_optimizer_of_another_model_is_refused(make_model, regression):
    other, model = make_model(), make_model()
    model.compile(torch.optim.SGD(other.parameters()), loss=absolute)

    with pytest.raises(StateError, match=r"SGD holds none of the model's parameters.*\n  Make it anew"):
        model.fit(*regression, verbose=0)


def test_corekit_optimizer_of_another_model_is_refused(make_model, regression, parts):
    optimizer = parts.Descent()
    make_model(optimizer=optimizer).fit(*regression, verbose=0)

    with pytest.raises(StateError, match="Descent holds none of the model's parameters"):
        make_model(optimizer=optimizer).fit(*regression, verbose=0)


@pytest.mark.parametrize("spec", [3, torch.nn.ReLU, lambda: None], ids=["number", "module", "function"])
def test_what_is_no_optimizer_is_refused(make_model, spec):
    with pytest.raises(ArgumentTypeError, match=r"(optimizer=|optimizers: got)"):
        make_model(optimizer=spec)


def test_fit_without_optimizer_is_refused(make_model, regression):
    with pytest.raises(ArgumentError, match="fit needs an optimizer"):
        make_model(optimizer=None).fit(*regression, verbose=0)


# Freezing


def test_frozen_weights_stay(make_model, regression):
    model = make_model()
    model.layers[0].trainable = False
    frozen, free = model.layers[0].kernel.clone(), model.layers[1].kernel.clone()

    model.fit(*regression, verbose=0)

    assert torch.equal(model.layers[0].kernel, frozen)
    assert not torch.equal(model.layers[1].kernel, free)


def test_freezing_between_fits_counts(make_model, regression, parts):
    model = make_model(optimizer=parts.Heavy(0.1))
    model.fit(*regression, verbose=0)
    model.layers[0].trainable = False
    frozen = model.layers[0].kernel.clone()

    model.fit(*regression, verbose=0)

    assert torch.equal(model.layers[0].kernel, frozen)


def test_recompiling_takes_up_unfrozen_weights(make_model, regression, parts):
    model = make_model()
    model.layers[0].trainable = False
    model.compile(parts.Heavy(0.1), loss=absolute)
    model.fit(*regression, verbose=0)
    model.layers[0].trainable = True
    frozen = model.layers[0].kernel.clone()

    model.compile(parts.Heavy(0.1), loss=absolute)
    model.fit(*regression, verbose=0)

    assert not torch.equal(model.layers[0].kernel, frozen)


def test_model_without_trainable_weights_is_refused(make_model, regression):
    model = make_model()
    model.trainable = False

    with pytest.raises(StateError, match=r'"sequential" has no trainable weights.*\n  Set  layer.trainable = True'):
        model.fit(*regression, verbose=0)


def test_model_without_trainable_weights_is_evaluated(make_model, regression):
    model = make_model()
    model.trainable = False

    assert model.evaluate(*regression, verbose=0) == near(mse(model, *regression).item())


# Penalties and constraints


class Charge(Layer):
    """Charges the mean square of what passes."""

    def call(self, inputs):
        self.add_loss(0.5 * inputs.square().mean())
        return inputs


def test_add_loss_alone_trains(make_model, regression, parts):
    model = make_model(parts.Linear(2), Charge(), loss=None)
    twin = copy.deepcopy(model)

    losses = [model.train_on_batch(regression[0]) for _ in range(3)]

    by_hand = [descend(twin, *regression, 0.1, lambda m, x, y: 0.5 * m(x).square().mean()) for _ in range(3)]
    assert losses == near(by_hand)


def test_add_loss_joins_the_loss(make_model, regression, parts):
    model = make_model(parts.Linear(2), Charge())
    x, y = regression

    loss = model.test_on_batch(x, y)

    assert loss == near((mse(model, x, y) + 0.5 * model(x).square().mean()).item())


def test_regularizer_is_part_of_the_step(make_model, regression, parts):
    model = make_model(parts.Linear(2, regularizer=lambda w: 0.5 * w.square().sum()))
    twin = copy.deepcopy(model)

    def penalised(model, x, y):
        return mse(model, x, y) + 0.5 * model.layers[0].kernel.square().sum()

    losses = [model.train_on_batch(*regression) for _ in range(3)]

    assert losses == near([descend(twin, *regression, 0.1, penalised) for _ in range(3)])
    assert same_weights(model, twin)


def test_constraint_follows_the_step(make_model, regression, parts):
    model = make_model(parts.Linear(2, constraint=lambda w: w.clamp(min=0)))

    model.train_on_batch(*regression)

    assert model.layers[0].kernel.min() == 0
    assert model.layers[0].kernel.max() > 0


def test_labels_are_asked_for(make_model, regression):
    with pytest.raises(StateError, match=r"compiled with a loss, which needs labels: fit\(x, y\)"):
        make_model().fit(regression[0], verbose=0)


def test_penalties_do_not_replace_labels(make_model, regression, parts):
    """Without labels a regularizer alone would shrink the weights, silently."""
    model = make_model(parts.Linear(2, regularizer=lambda w: w.square().sum()))

    with pytest.raises(StateError, match="needs labels"):
        model.fit(regression[0], verbose=0)


def test_loss_is_asked_for(make_model, regression):
    with pytest.raises(StateError, match=r'needs a loss: compile\(loss="mse"\), or a layer that calls self.add_loss'):
        make_model(loss=None).fit(*regression, verbose=0)


def test_fit_leaves_no_graph_behind(make_model, regression, parts):
    model = make_model(parts.Linear(2), Charge())

    model.fit(*regression, verbose=0)
    model.train_on_batch(*regression)

    assert model.losses == []  # they would keep the last step's tensors alive


def test_trained_model_can_be_copied(make_model, regression, parts):
    """What add_loss noted in the last step must not hang on the model."""
    model = make_model(parts.Linear(2), Charge())
    model.fit(*regression, verbose=0)

    assert same_weights(copy.deepcopy(model), model)


# Nothing waits, everything compiles


def test_step_waits_for_nothing(make_model, regression, parts):
    model = make_model(optimizer=parts.Heavy(0.1), metrics=[parts.Gap()], weighted_metrics=[parts.RowSum()])
    model.train_on_batch(*regression, sample_weight=torch.ones(10))

    with parts.Reads(refuse=True):
        model.trainer.step((*regression, torch.ones(10)))
        model.trainer.evaluate((*regression, torch.ones(10)))


def test_reads_are_noticed(parts):
    """The guard of the test above does see a read."""
    with parts.Reads(refuse=True), pytest.raises(AssertionError, match="waits for the device"):
        torch.ones(()).item()


def compiled(trainer, backend):
    """Return the step, compiled whole as `jit_compile=True` does."""
    step = torch.compile(trainer.pass_over.update, fullgraph=True, backend=backend)

    def run(data):
        with torch._dynamo.config.patch(trace_autograd_ops=True):
            step(data)

    return run


def test_compiled_step_equals_eager(make_model, regression, parts):
    torch._dynamo.reset()
    eager, whole = (make_model(optimizer=parts.Heavy(0.1)) for _ in range(2))
    for model in (eager, whole):
        model.trainer.prepare(regression, "train")
        model.optimizer.prepare()
        model.train()

    step = compiled(whole.trainer, "aot_eager")
    for _ in range(4):
        eager.trainer.step(regression)
        step(regression)

    for a, b in zip(eager.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)  # the same operations, perhaps decomposed
    assert eager.trainer.logs()["loss"].item() == near(whole.trainer.logs()["loss"].item())


def test_changing_rate_recompiles_nothing(make_model, regression, parts):
    torch._dynamo.reset()
    model = make_model(optimizer=parts.Heavy(0.1), metrics=[parts.Gap()])
    model.trainer.prepare(regression, "train")
    model.optimizer.prepare()
    model.train()
    counter = CompileCounter()
    step = compiled(model.trainer, counter)

    for number in range(10):
        model.optimizer.learning_rate = 0.1 / (number + 1)
        step(regression)

    assert counter.frame_count == 1


def test_eager_is_the_default(make_model, regression):
    model = make_model()

    model.fit(*regression, verbose=0)

    assert model.step_engine.startswith("eager: ")


def test_run_eagerly_forbids_compiling(make_model, regression):
    model = make_model(jit_compile=True, run_eagerly=True)

    model.fit(*regression, verbose=0)

    assert model.step_engine.startswith("eager: ")

"""Training steps of the user's own, written as Keras's guide for torch writes them."""

import copy

import pytest
import torch

from corekit import Input, Model
from corekit.errors import LayerError


def own_step(self, data):
    """The step of Keras's guide, in its words."""
    x, y, *weight = data
    weight = weight[0] if weight else None
    self.zero_grad()
    y_pred = self(x, training=True)
    loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=weight)
    loss.backward()
    trainable_weights = list(self.trainable_weights)
    gradients = [weight.grad for weight in trainable_weights]
    with torch.no_grad():
        self.optimizer.apply(gradients, trainable_weights)
    for metric in self.metrics:
        if metric.name == "loss":
            metric.update_state(loss)
        else:
            metric.update_state(y, y_pred, sample_weight=weight)
    return {metric.name: metric.result() for metric in self.metrics}


def own_test_step(self, data):
    x, y = data
    y_pred = self(x, training=False)
    self.compute_loss(y=y, y_pred=y_pred)
    for metric in self.metrics:
        if metric.name != "loss":
            metric.update_state(y, y_pred)
    return {metric.name: metric.result() for metric in self.metrics if metric.name != "loss"}


@pytest.fixture
def drawn(parts):
    """Return `make(methods, **compile_arguments)`: a drawn model of a class with these methods."""

    def make(methods, **kwargs):
        torch.manual_seed(0)
        inputs = Input(shape=(4,))
        cls = type("Mine", (Model,), methods)
        model = cls(inputs, parts.Linear(2)(parts.Linear(5, torch.tanh)(inputs)))
        model.compile(**{"optimizer": parts.Descent(0.1), "loss": parts.SquaredError(), **kwargs})
        return model

    return make


def test_own_train_step_equals_the_built_in(drawn, regression, parts):
    mine, built_in = (drawn(methods, metrics=[parts.Gap()]) for methods in ({"train_step": own_step}, {}))

    histories = [model.fit(*regression, batch_size=5, epochs=2, shuffle=False, verbose=0) for model in (mine, built_in)]

    for name in ("loss", "gap"):
        assert histories[0].history[name] == pytest.approx(histories[1].history[name], rel=1e-6)
    for a, b in zip(mine.parameters(), built_in.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_own_train_step_gets_weights(drawn, regression, hand):
    model = drawn({"train_step": own_step})
    twin, weight = copy.deepcopy(model), torch.arange(10.0)

    model.fit(*regression, sample_weight=weight, batch_size=10, shuffle=False, verbose=0)

    hand.step(twin, *regression, weight)
    assert hand.same_weights(model, twin)


def test_own_train_step_may_call_the_built_in(drawn, regression, hand):
    def train_step(self, data):
        return {**Model.train_step(self, data), "extra": 1.5}

    model = drawn({"train_step": train_step})
    twin = copy.deepcopy(model)

    history = model.fit(*regression, batch_size=4, shuffle=False, verbose=0).history

    assert history["extra"] == [1.5]
    assert history["loss"] == hand.near(hand.train(twin, *regression))
    assert hand.same_weights(model, twin)


def test_own_train_step_serves_train_on_batch(drawn, regression):
    model = drawn({"train_step": lambda self, data: {"answer": torch.tensor(42.0)}})

    assert model.train_on_batch(*regression) == 42


def test_own_train_step_is_found_on_the_instance(drawn, regression):
    model = drawn({})
    model.train_step = lambda data: {"answer": 42.0}

    assert model.fit(*regression, verbose=0).history == {"answer": [42.0]}


def test_metrics_of_own_step_keep_no_graph(drawn, regression, parts):
    """A metric that is updated outside no_grad must not hold on to every step's graph."""
    metric = parts.Gap()
    model = drawn({"train_step": own_step}, metrics=[metric])

    model.fit(*regression, batch_size=2, verbose=0)

    assert not metric.total.requires_grad


def test_own_test_step_serves_evaluate(drawn, regression, parts):
    model = drawn({"test_step": own_test_step}, metrics=[parts.Gap()])
    x, y = regression

    logs = model.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)

    assert logs == {"gap": pytest.approx((y - model(x)).abs().mean().item(), rel=1e-6)}


def test_own_test_step_serves_validation(drawn, regression, parts):
    model = drawn({"test_step": own_test_step}, metrics=[parts.Gap()])

    history = model.fit(*regression, validation_data=regression, verbose=0).history

    assert list(history) == ["loss", "gap", "val_gap"]


def test_own_test_step_runs_without_gradients(drawn, regression):
    def test_step(self, data):
        return {"grad": float(self(data[0]).requires_grad)}

    assert drawn({"test_step": test_step}).evaluate(*regression, verbose=0) == 0


def test_own_predict_step_serves_predict(drawn, regression):
    model = drawn({"predict_step": lambda self, data: self(data[0]).argmax(dim=-1)})

    assert model.predict(regression[0], verbose=0).shape == (10,)


def test_own_metrics_are_reset_each_epoch(drawn, regression, parts):
    """The guide's low-level form: no loss in compile, trackers of the model's own."""
    tracker = parts.Gap(name="mine")

    def train_step(self, data):
        x = data[0]
        tracker.update_state(torch.zeros(len(x), 1), torch.ones(len(x), 1))
        tracker.count -= 1
        return {"count": tracker.count.clone()}

    model = drawn({"train_step": train_step, "metrics": property(lambda self: [tracker])}, loss=None)

    history = model.fit(*regression, batch_size=5, epochs=3, verbose=0).history

    assert history["count"] == [8, 8, 8]  # two batches of 5, less one each; never 16
    assert model.metrics_names == ["mine"]


def test_metric_attributes_join_the_logs(regression, parts):
    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.last, self.tracker = parts.Linear(2), parts.RowSum(name="tracked")

        def call(self, inputs):
            outputs = self.last(inputs)
            self.tracker.update_state(inputs, outputs.detach())
            return outputs

    model = Mine()
    model.compile(parts.Descent(0.1), loss=parts.SquaredError())

    logs = model.evaluate(*regression, verbose=0, return_dict=True)

    assert logs["tracked"] == pytest.approx(model(regression[0]).sum(dim=-1).mean().item(), rel=1e-6)


def test_own_compute_loss_trains(drawn, regression):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return (y - y_pred).abs().mean() + 0 * x.sum()

    model = drawn({"compute_loss": compute_loss}, loss=None)
    twin, (x, y) = copy.deepcopy(model), regression

    model.train_on_batch(x, y)

    weights = list(twin.parameters())
    grads = torch.autograd.grad((y - twin(x)).abs().mean() + 0 * x.sum(), weights)
    assert all(torch.equal(a, b - 0.1 * grad) for a, b, grad in zip(model.parameters(), weights, grads, strict=True))


# Models that are all step: no call, several optimizers


class Duel(Model):
    """Two players, as in the guide's GAN: `compile` takes an optimizer for each, and there is no `call`."""

    def __init__(self, make_player):
        super().__init__()
        self.first, self.second = make_player(), make_player()

    def compile(self, first, second):
        super().compile(optimizer=None)
        self.optimizers = first, second

    def train_step(self, data):
        logs = {}
        for name, player, optimizer in zip(("a", "b"), (self.first, self.second), self.optimizers, strict=True):
            self.zero_grad()
            loss = player(data[0]).square().mean()
            loss.backward()
            optimizer.apply([weight.grad for weight in player.trainable_weights], player.trainable_weights)
            logs[name] = loss.detach()
        return logs


@pytest.fixture
def duel(parts):
    model = Duel(lambda: parts.Linear(1))
    model.compile(parts.Descent(0.1), parts.Descent(0.2))
    return model


def test_model_without_call_trains(duel, regression):
    duel.train_on_batch(regression[0])  # builds the players
    before = [weight.clone() for weight in duel.parameters()]

    history = duel.fit(regression[0], epochs=2, verbose=0).history

    assert list(history) == ["a", "b"]
    assert history["a"][1] < history["a"][0]
    assert all(not torch.equal(a, b) for a, b in zip(before, duel.parameters(), strict=True))


def test_fit_of_own_step_needs_no_compiled_optimizer(duel, regression):
    assert duel.fit(regression[0], verbose=0).epoch == [0]


def test_model_without_call_cannot_be_evaluated(duel, regression):
    with pytest.raises(LayerError, match="Duel has no call"):
        duel.evaluate(regression[0], verbose=0)

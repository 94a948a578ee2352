"""Softmax heads meet their cross-entropy as logits, by declaration, and nobody can tell but by the rounding."""

import pytest
import torch

from corekit import Input, Layer, Metric, Model, Sequential
from corekit.errors import StateError


@pytest.fixture
def digits():
    """12 samples of 4 features, and one-hot labels of 2 classes."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(12, 4, generator=generator), torch.eye(2)[torch.randint(2, (12,), generator=generator)]


@pytest.fixture
def classifier(make_model, parts):
    """Return `make(**compile_arguments)`: a model with a softmax head, and its loss."""

    def make(head=None, **kwargs):
        loss = kwargs.pop("loss", None) or parts.CrossEntropy()
        return make_model(
            parts.Linear(5, torch.tanh), head or parts.Linear(2, parts.softmax), loss=loss, **kwargs
        ), loss

    return make


def look(module, *args):
    """A hook that changes nothing: it makes the layer's call visible, so that it may not be skipped."""


def fitted(model, digits):
    return model.fit(*digits, epochs=3, batch_size=5, shuffle=False, verbose=0).history


def test_head_and_loss_meet_as_logits(classifier, digits):
    model, loss = classifier()

    model.fit(*digits, validation_data=digits, verbose=0)
    model.evaluate(*digits, verbose=0)
    model.train_on_batch(*digits)
    model.test_on_batch(*digits)

    assert loss.ways == {"fused"}


def test_fused_numbers_equal_unfused(classifier, digits):
    fused, _ = classifier()
    plain, loss = classifier()
    plain.layers[-1].register_forward_hook(look)

    histories = fitted(fused, digits), fitted(plain, digits)

    assert loss.ways == {"probabilities"}
    # 1e-5: the log of a rounded probability against the exact log-softmax
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"], rel=1e-5)
    for a, b in zip(fused.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_metrics_get_probabilities(classifier, digits, parts):
    model, loss = classifier(metrics=[parts.RowSum()])

    logs = model.fit(*digits, validation_data=digits, verbose=0).history

    assert loss.ways == {"fused"}
    assert logs["row_sum"] == logs["val_row_sum"] == [pytest.approx(1)]


class LikeliestIsFirst(Metric):
    """How often the first class is the likeliest; the least prediction it was ever shown."""

    sees_order_only = True

    def __init__(self):
        super().__init__(name="first")
        self.least = float("inf")

    def call(self, y_true, y_pred):
        self.least = min(self.least, y_pred.detach().min().item())
        return y_pred.argmax(-1) == 0


class LeastOfThem(LikeliestIsFirst):
    """Looks at the values, and does not say otherwise."""


def test_metric_of_the_order_gets_logits(classifier, digits):
    model, _ = classifier(metrics=[metric := LikeliestIsFirst()], jit_compile=False)

    logs = model.evaluate(*digits, verbose=0, return_dict=True)

    assert metric.least < 0
    assert logs["first"] == pytest.approx((model.predict(digits[0], verbose=0).argmax(-1) == 0).mean())


def test_metric_of_the_order_beside_others_gets_probabilities(classifier, digits, parts):
    model, _ = classifier(metrics=[metric := LikeliestIsFirst(), parts.RowSum()], jit_compile=False)

    logs = model.evaluate(*digits, verbose=0, return_dict=True)

    assert metric.least >= 0
    assert logs["row_sum"] == pytest.approx(1)


def test_subclass_of_such_a_metric_gets_probabilities(classifier, digits):
    model, _ = classifier(metrics=[metric := LeastOfThem()], jit_compile=False)

    model.evaluate(*digits, verbose=0)

    assert metric.least >= 0


def test_one_class_has_no_order(classifier, digits, parts):
    """Its softmax is 1 for every sample, whatever the logit."""
    model, _ = classifier(parts.Linear(1, parts.softmax), metrics=[metric := LikeliestIsFirst()], jit_compile=False)

    model.evaluate(digits[0], digits[1][:, :1], verbose=0)

    assert metric.least == 1


def test_predictions_are_probabilities(classifier, digits):
    model, _ = classifier()
    model.fit(*digits, verbose=0)

    assert model.predict(digits[0], verbose=0).sum(axis=-1) == pytest.approx(1)


def test_fused_evaluation_equals_unfused(classifier, digits):
    model, _ = classifier()
    fused = model.evaluate(*digits, verbose=0)

    model.layers[-1].register_forward_hook(look)

    assert model.evaluate(*digits, verbose=0) == pytest.approx(fused, rel=1e-5)


def test_fusion_saves_confident_mistakes(classifier, digits, parts):
    """A probability that rounds to 0 has no gradient; its logit has."""
    model, _ = classifier()
    with torch.no_grad():
        model.layers[-1].bias += torch.tensor([500.0, 0.0])

    loss = model.test_on_batch(digits[0], torch.eye(2)[[1] * 12])

    assert loss == pytest.approx(500, rel=0.01)


# Where it must not happen


def test_other_activation_is_not_skipped(classifier, digits, parts):
    model, loss = classifier(parts.Linear(2, torch.sigmoid))

    fitted(model, digits)

    assert loss.ways == {"probabilities"}


def test_other_loss_gets_probabilities(classifier, digits, parts):
    model, _ = classifier(loss=parts.SquaredError())

    loss = model.test_on_batch(*digits)

    assert loss == pytest.approx((digits[1] - model(digits[0])).square().mean().item(), rel=1e-6)


def test_loss_from_logits_gets_outputs(classifier, digits, parts):
    """It was told that the model gives logits, so it gets what the model gives, softmax or not."""
    model, loss = classifier(loss=parts.CrossEntropy(from_logits=True))

    value = model.test_on_batch(*digits)

    by_hand = torch.nn.functional.cross_entropy(model(digits[0]), digits[1]).item()
    assert (loss.ways, value) == ({"logits"}, pytest.approx(by_hand, rel=1e-6))


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
@pytest.mark.parametrize("early", [True, False], ids=["before-fit", "between-fits"])
def test_hook_on_head_is_called(classifier, digits, register, early):
    model, loss = classifier()
    calls = []
    if not early:
        fitted(model, digits)
        loss.ways.clear()

    getattr(model.layers[-1], register)(lambda *args: calls.append(args[0]))
    fitted(model, digits)

    assert loss.ways == {"probabilities"}
    assert len(calls) >= 9  # 3 epochs of 3 steps


def test_hook_on_model_is_called(classifier, digits):
    model, loss = classifier()
    calls = []
    model.register_forward_hook(lambda *args: calls.append(1))

    fitted(model, digits)

    assert loss.ways == {"probabilities"}
    assert len(calls) >= 9


def test_activity_penalty_on_head_counts(classifier, digits, parts):
    head = parts.Linear(2, parts.softmax, activity_regularizer=lambda outputs: outputs.sum())
    model, loss = classifier(head)

    value = model.test_on_batch(*digits)

    plain = loss(digits[1], model(digits[0]))
    assert value == pytest.approx(plain.item() + 1, rel=1e-5)  # 12 rows that sum to 1, over 12 samples


def test_own_compute_loss_gets_probabilities(parts, digits):
    seen = []

    class Mine(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            seen.append(y_pred.detach().sum(dim=-1))
            return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)

    model = Mine([Input(shape=(4,)), parts.Linear(2, parts.softmax)])
    model.compile(parts.Descent(0.1), loss=parts.CrossEntropy())

    model.train_on_batch(*digits)

    torch.testing.assert_close(seen[0], torch.ones(12))


def test_row_that_cannot_be_drawn_is_fused_too(parts, digits):
    class Values(Layer):
        def call(self, inputs):
            return torch.as_tensor(inputs.numpy().copy())  # needs values, so the row is built by running it

    loss = parts.CrossEntropy()
    model = Sequential([Values(), parts.Linear(2, parts.softmax)])
    model.compile(parts.Descent(0.1), loss=loss)

    model.fit(*digits, verbose=0)

    assert model.graph is None
    assert loss.ways == {"fused"}


class Mirrored(Sequential):
    def call(self, inputs):
        return super().call(inputs).flip(-1)


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: Sequential([m])], ids=["alone", "nested"])
def test_own_call_of_sequential_is_obeyed(parts, digits, wrap):
    model = wrap(Mirrored([Input(shape=(4,)), parts.Linear(2, parts.softmax)]))
    loss = parts.CrossEntropy()
    model.compile(parts.Descent(0.1), loss=loss)

    value = model.test_on_batch(*digits)

    assert value == pytest.approx(loss(digits[1], model(digits[0])).item(), rel=1e-6)


def test_labels_are_asked_for(classifier, digits):
    model, _ = classifier()

    with pytest.raises(StateError, match=r"needs labels: fit\(x, y\)"):
        model.fit(digits[0], verbose=0)


# Models in models, several outputs


def nested(parts, digits, draw):
    torch.manual_seed(0)
    inner = Sequential([Input(shape=(5,)), parts.Linear(2, parts.softmax)])
    if draw:
        inputs = Input(shape=(4,))
        model = Model(inputs, inner(parts.Linear(5, torch.tanh)(inputs)))
    else:
        model = Sequential([Input(shape=(4,)), parts.Linear(5, torch.tanh), inner])
    loss = parts.CrossEntropy()
    model.compile(parts.Descent(0.1), loss=loss)
    return model, inner, loss


@pytest.mark.parametrize("draw", [True, False], ids=["drawn", "row"])
def test_nested_head_gives_equal_numbers(parts, digits, draw):
    fused, _, loss = nested(parts, digits, draw)
    plain, inner, other = nested(parts, digits, draw)
    inner.register_forward_hook(look)

    histories = fitted(fused, digits), fitted(plain, digits)

    assert (loss.ways, other.ways) == ({"fused"}, {"probabilities"})
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"], rel=1e-5)


@pytest.mark.parametrize("draw", [True, False], ids=["drawn", "row"])
def test_hook_inside_nested_head_is_called(parts, digits, draw):
    model, inner, loss = nested(parts, digits, draw)
    calls = []
    inner.layers[-1].register_forward_pre_hook(lambda *args: calls.append(1))

    fitted(model, digits)

    assert loss.ways == {"probabilities"}
    assert len(calls) >= 9


def two_heads(parts, losses, hook=False):
    torch.manual_seed(0)
    inputs = Input(shape=(4,))
    hidden = parts.Linear(5, torch.tanh)(inputs)
    heads = [parts.Linear(2, parts.softmax, name=name) for name in ("left", "right")]
    model = Model(inputs, [head(hidden) for head in heads])
    if hook:
        heads[0].register_forward_hook(look)
    model.compile(parts.Descent(0.1), loss=losses, metrics=[[parts.RowSum()], [parts.RowSum()]])
    return model


def test_each_of_several_heads_is_judged_alone(parts, digits):
    x, y = digits
    cross, square = parts.CrossEntropy(), parts.SquaredError()
    model = two_heads(parts, [cross, square])

    logs = model.evaluate(x, [y, y], verbose=0, return_dict=True)

    left, right = model(x)
    assert cross.ways == {"fused"}
    assert logs["left_loss"] == pytest.approx(parts.CrossEntropy()(y, left).item(), rel=1e-5)
    assert logs["right_loss"] == pytest.approx(square(y, right).item(), rel=1e-6)
    assert logs["left_row_sum"] == logs["right_row_sum"] == pytest.approx(1)


def test_hook_on_one_head_spoils_no_other(parts, digits):
    x, y = digits
    losses = [parts.CrossEntropy(), parts.CrossEntropy()]
    expected = two_heads(parts, losses).evaluate(x, [y, y], verbose=0)

    found = two_heads(parts, losses, hook=True).evaluate(x, [y, y], verbose=0)

    assert found == pytest.approx(expected, rel=1e-5)


def test_head_that_feeds_another_keeps_its_activation(parts, digits):
    x, y = digits
    torch.manual_seed(0)
    inputs = Input(shape=(4,))
    first = parts.Linear(2, parts.softmax)(inputs)
    model = Model(inputs, [first, parts.Linear(2, parts.softmax)(first)])
    model.compile(parts.Descent(0.1), loss=parts.CrossEntropy())

    loss = model.evaluate(x, [y, y], verbose=0)[0]

    by_hand = sum(parts.CrossEntropy()(y, output).item() for output in model(x))
    assert loss == pytest.approx(by_hand, rel=1e-5)

"""`fit` against loops written by hand, and what it refuses."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import corekit as ck
from corekit import Layer, Model
from corekit.errors import ArgumentError, ArgumentTypeError, DataError, StateError


def test_fit_equals_hand_loop(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    history = model.fit(*regression, batch_size=4, epochs=3, shuffle=False, verbose=0)

    assert history.history["loss"] == hand.near(hand.train(twin, *regression, epochs=3))
    assert hand.same_weights(model, twin)


def test_fit_of_arrays_equals_tensors(make_model, regression, hand):
    model, twin = make_model(), make_model()
    x, y = (part.double().numpy() for part in regression)

    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)

    hand.train(twin, *regression)
    assert hand.same_weights(model, twin)


def test_shuffled_fit_sees_each_sample_once(parts, regression):
    seen = []

    class Noting(Model):
        def train_step(self, data):
            seen.append(data[0])
            return super().train_step(data)

    inputs = ck.Input(shape=(4,))
    model = Noting(inputs, parts.Linear(2)(inputs))
    model.compile(parts.Descent(0.1), loss=parts.SquaredError())

    model.fit(*regression, batch_size=4, epochs=2, verbose=0)

    x = regression[0]
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == sorted(x.tolist())
    assert not torch.equal(first, x)
    assert not torch.equal(first, second)


def test_seeded_fit_repeats_with_dropout(make_model, regression, parts, hand):
    def run():
        model = make_model(parts.Linear(8, torch.tanh), parts.Drop(), parts.Linear(2))
        ck.utils.set_random_seed(7)
        return model, model.fit(*regression, batch_size=3, epochs=3, verbose=0).history

    (first, history), (second, again) = run(), run()

    assert history == again
    assert hand.same_weights(first, second)


def test_training_flag_is_on_in_training_only(make_model, regression, parts):
    modes = []

    class Mode(Layer):
        def call(self, inputs, training=False):
            modes.append(training)
            return inputs

    model = make_model(Mode(), parts.Linear(2))
    model.evaluate(*regression, verbose=0)
    assert set(modes) == {False}
    modes.clear()

    model.fit(*regression, batch_size=10, validation_data=regression, verbose=0)

    assert modes[-2:] == [True, False]  # one step, one validation step


def test_sample_weight_weighs_samples(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)
    weight = torch.arange(10.0) / 3

    history = model.fit(*regression, sample_weight=weight, batch_size=4, shuffle=False, verbose=0)

    assert history.history["loss"] == hand.near(hand.train(twin, *regression, weight))
    assert hand.same_weights(model, twin)


def test_class_weight_weighs_samples(make_model, regression, hand):
    x, _ = regression
    y = torch.eye(2)[torch.arange(10) % 2]
    model = make_model()
    twin = copy.deepcopy(model)

    model.fit(x, y, class_weight={1: 3.0}, batch_size=4, shuffle=False, verbose=0)

    hand.train(twin, x, y, torch.tensor([1.0, 3.0] * 5))
    assert hand.same_weights(model, twin)


def test_weights_reach_weighted_metrics_only(make_model, regression, parts, hand):
    x, y = regression
    weight = torch.arange(10.0)
    model = make_model(metrics=[parts.Gap(name="plain")], weighted_metrics=[parts.Gap(name="weighted")])

    logs = model.evaluate(x, y, sample_weight=weight, batch_size=4, verbose=0, return_dict=True)

    gaps = (y - model(x)).abs().mean(dim=-1)
    assert logs["plain"] == hand.near(gaps.mean().item())
    assert logs["weighted"] == hand.near((gaps * weight).sum().item() / weight.sum().item())


def test_zero_epochs_train_nothing(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    history = model.fit(*regression, epochs=0, verbose=0)

    assert (history.epoch, history.history) == ([], {})
    assert hand.same_weights(model, twin)


def test_initial_epoch_numbers_the_epochs(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    history = model.fit(*regression, initial_epoch=3, epochs=5, batch_size=4, shuffle=False, verbose=0)

    assert history.epoch == [3, 4]
    assert history.history["loss"] == hand.near(hand.train(twin, *regression, epochs=2))


def test_resumed_run_sees_the_same_order(make_model, regression, hand):
    whole, halves = make_model(), make_model()
    ck.utils.set_random_seed(3)
    whole.fit(*regression, batch_size=4, epochs=4, verbose=0)

    ck.utils.set_random_seed(3)
    halves.fit(*regression, batch_size=4, epochs=2, verbose=0)
    ck.utils.set_random_seed(3)
    halves.fit(*regression, batch_size=4, initial_epoch=2, epochs=4, verbose=0)

    assert hand.same_weights(whole, halves)


def test_steps_per_epoch_cuts_a_generator(make_model, regression, hand):
    x, y = regression
    model = make_model()
    twin = copy.deepcopy(model)

    def endless():
        while True:
            yield from zip(x.split(2), y.split(2), strict=True)

    history = model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)

    six = torch.cat([x, x[:2]]), torch.cat([y, y[:2]])
    totals = [hand.step(twin, a, b) for a, b in zip(six[0].split(2), six[1].split(2), strict=True)]
    assert history.history["loss"] == hand.near([sum(totals[:3]) / 6, sum(totals[3:]) / 6])
    assert hand.same_weights(model, twin)


def test_steps_per_epoch_goes_round_arrays(make_model, regression, hand):
    x, y = regression
    model = make_model()
    twin = copy.deepcopy(model)

    model.fit(x, y, batch_size=5, steps_per_epoch=3, shuffle=False, verbose=0)

    hand.train(twin, torch.cat([x, x[:5]]), torch.cat([y, y[:5]]), size=5)
    assert hand.same_weights(model, twin)


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: DataLoader(d, batch_size=4)], ids=["dataset", "loader"])
def test_fit_takes_torchs_data(make_model, regression, wrap, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    model.fit(wrap(TensorDataset(*regression)), batch_size=4, shuffle=False, verbose=0)

    hand.train(twin, *regression)
    assert hand.same_weights(model, twin)


def test_loader_may_bring_weights(make_model, regression, hand):
    weight = torch.arange(10.0)
    model = make_model()
    twin = copy.deepcopy(model)

    model.fit(DataLoader(TensorDataset(*regression, weight), batch_size=4), verbose=0)

    hand.train(twin, *regression, weight)
    assert hand.same_weights(model, twin)


def test_unbuilt_model_is_built_by_fit(regression, parts):
    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = parts.Linear(3, torch.tanh), parts.Linear(2)

        def call(self, inputs):
            return self.last(self.first(inputs))

    model = Mine()
    model.compile(parts.Descent(0.1), loss=parts.SquaredError())

    history = model.fit(*regression, epochs=3, verbose=0).history["loss"]

    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2
    assert history[2] < history[0]


def test_model_rests_after_fit(make_model, regression):
    model = make_model()

    model.fit(*regression, verbose=0)

    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_model_rests_after_a_stop(make_model, regression, parts, error):
    class Stop(Layer):
        def call(self, inputs, training=False):
            if training:
                raise error
            return inputs

    model = make_model(parts.Linear(2), Stop())

    with pytest.raises(type(error)):
        model.fit(*regression, verbose=0)

    assert not any(module.training for module in model.modules())


def test_exploding_loss_ends_fit(make_model, regression, parts):
    model = make_model(optimizer=parts.Descent(1e20))

    with pytest.raises(DataError, match=r"the loss is (inf|nan) after epoch 1, .*\n.*learning rate"):
        model.fit(*regression, batch_size=2, verbose=0)


# What is refused


def test_compile_comes_first(regression, parts):
    model = ck.Sequential([parts.Linear(2)])

    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(
            StateError, match=r'"sequential" is not compiled\.\n  Call  model.compile\(optimizer="adam"'
        ):
            call(*regression)


def test_fit_without_data_is_refused(make_model):
    with pytest.raises(DataError, match=r"fit: there is no data\. Write  model\.fit\(x, y\)"):
        make_model().fit()


@pytest.mark.parametrize(
    "argument",
    ["epochs", "initial_epoch", "batch_size", "steps_per_epoch", "validation_steps", "validation_freq"],
)
def test_text_for_a_count_is_refused(make_model, regression, argument):
    with pytest.raises(ArgumentError, match=rf"fit\({argument}='3'\): expected a whole number.*\n  Write {argument}=3"):
        make_model().fit(*regression, **{argument: "3"})


@pytest.mark.parametrize("argument", ["batch_size", "steps_per_epoch", "validation_steps", "validation_freq"])
def test_zero_for_a_count_is_refused(make_model, regression, argument):
    with pytest.raises(ArgumentError, match=rf"fit\({argument}=0\): expected a whole number of at least 1"):
        make_model().fit(*regression, **{argument: 0})


@pytest.mark.parametrize("callbacks", [[print], [ck.Callback], ck.Callback, "early", 3])
def test_what_is_no_callback_is_refused(make_model, regression, callbacks):
    with pytest.raises(ArgumentTypeError, match=r"callbacks: got .*; expected objects of corekit.Callback classes"):
        make_model().fit(*regression, callbacks=callbacks)


def test_used_up_generator_is_explained(make_model, regression):
    batches = iter([regression])

    with pytest.raises(DataError, match="A generator that has ended cannot be used again: give a DataLoader"):
        make_model().fit(batches, epochs=2, verbose=0)


@pytest.mark.parametrize("part", ["x", "y"])
def test_nan_trains_nothing(make_model, regression, part, hand):
    data = dict(zip("xy", (tensor.clone() for tensor in regression), strict=True))
    data[part][8, 1] = float("nan")
    model = make_model()
    twin = copy.deepcopy(model)

    for call in (model.fit, model.train_on_batch):
        with pytest.raises(DataError, match=rf"{part} is not finite: .* at {part}\[8, 1\]"):
            call(**data)

    assert hand.same_weights(model, twin)

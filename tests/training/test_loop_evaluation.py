"""Validation, `evaluate`, `predict` and the one-batch forms, against numbers computed by hand."""

import copy

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import corekit as ck

# Validation


def test_validation_split_is_never_trained(make_model, regression, hand):
    x, y = regression
    model = make_model()
    twin = copy.deepcopy(model)

    history = model.fit(x, y, validation_split=0.3, batch_size=10, epochs=2, verbose=0).history

    expected = []
    for _ in range(2):
        hand.step(twin, x[:7], y[:7])  # one batch: the order plays no part but for the last bits
        expected.append(hand.losses(twin, x[7:], y[7:]).mean().item())
    assert history["val_loss"] == pytest.approx(expected, rel=1e-5)


def test_validation_data_takes_weights(make_model, regression, hand):
    weight = np.arange(10.0)
    model = make_model()

    history = model.fit(*regression, validation_data=(*regression, weight), verbose=0).history

    expected = hand.losses(model, *regression, torch.tensor(weight, dtype=torch.float32)).mean().item()
    assert history["val_loss"] == [hand.near(expected)]


def test_validation_data_may_be_a_loader(make_model, regression, hand):
    model = make_model()

    history = model.fit(*regression, validation_data=DataLoader(TensorDataset(*regression)), verbose=0).history

    assert history["val_loss"] == [hand.near(hand.losses(model, *regression).mean().item())]


def test_validation_data_wins_over_split(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    model.fit(*regression, validation_data=regression, validation_split=0.5, batch_size=4, shuffle=False, verbose=0)

    hand.train(twin, *regression)
    assert hand.same_weights(model, twin)


def test_class_weight_spares_validation(make_model, regression, hand):
    y = torch.eye(2)[torch.arange(10) % 2]
    model = make_model()

    history = model.fit(regression[0], y, validation_data=(regression[0], y), class_weight={1: 9.0}, verbose=0)

    assert history.history["val_loss"] == [hand.near(hand.losses(model, regression[0], y).mean().item())]


def test_validation_freq_skips_epochs(make_model, regression):
    history = make_model().fit(*regression, validation_data=regression, validation_freq=2, epochs=5, verbose=0)

    assert (len(history.history["loss"]), len(history.history["val_loss"])) == (5, 2)


def test_validation_steps_cut_it_short(make_model, regression, hand):
    x, y = regression
    model = make_model()

    history = model.fit(x, y, validation_data=(x, y), validation_batch_size=2, validation_steps=3, verbose=0).history

    assert history["val_loss"] == [hand.near(hand.losses(model, x[:6], y[:6]).mean().item())]


# evaluate, predict, one batch


def test_evaluate_averages_over_samples(make_model, regression, hand):
    model = make_model()

    assert model.evaluate(*regression, batch_size=4, verbose=0) == hand.near(
        hand.losses(model, *regression).mean().item()
    )


def test_evaluate_trains_nothing(make_model, regression, hand):
    model = make_model()
    twin = copy.deepcopy(model)

    model.evaluate(*regression, verbose=0)
    model.test_on_batch(*regression)

    assert hand.same_weights(model, twin)


def test_evaluate_returns_as_keras_does(make_model, regression, parts):
    model = make_model(metrics=[parts.Gap()])

    found, logs = (model.evaluate(*regression, verbose=0, return_dict=flag) for flag in (False, True))

    assert found == [logs["loss"], logs["gap"]]
    assert model.metrics_names == ["loss", "gap"]
    assert isinstance(make_model().evaluate(*regression, verbose=0), float)


def test_evaluate_stops_after_steps(make_model, regression, hand):
    x, y = regression
    model = make_model()

    assert model.evaluate(x, y, batch_size=2, steps=2, verbose=0) == hand.near(
        hand.losses(model, x[:4], y[:4]).mean().item()
    )


def test_predict_is_the_model_in_inference(make_model, regression, parts):
    model = make_model(parts.Linear(5), parts.Drop(), parts.Linear(2))

    found = model.predict(regression[0].numpy(), batch_size=4, verbose=0)

    assert isinstance(found, np.ndarray)
    assert found == pytest.approx(model(regression[0]).detach().numpy(), rel=1e-6)


def test_predict_needs_no_compile(regression, parts):
    model = ck.Sequential([parts.Linear(2)])

    assert model.predict(regression[0], verbose=0).shape == (10, 2)


def test_predict_takes_inputs_of_loader(make_model, regression):
    model = make_model()

    found = model.predict(DataLoader(TensorDataset(*regression), batch_size=4), verbose=0)

    assert found == pytest.approx(model(regression[0]).detach().numpy(), rel=1e-6)


def test_predict_keeps_the_structure(two_headed, regression):
    left, right = two_headed().predict(regression[0], batch_size=3, verbose=0)

    assert (left.shape, right.shape) == ((10, 2), (10, 1))


def test_predict_gives_the_training_flag_back(make_model, regression):
    model = make_model()
    model.train()

    model.predict(regression[0], verbose=0)
    model.predict_on_batch(regression[0])

    assert all(module.training for module in model.modules())


def test_bfloat16_predictions_become_float32(regression, parts):
    model = ck.Sequential([parts.Linear(2, dtype="bfloat16"), lambda x: x.bfloat16()])

    assert model.predict(regression[0].bfloat16(), verbose=0).dtype == np.float32


def test_batch_forms_tell_of_their_batch(make_model, regression, hand):
    x, y = regression
    model = make_model()
    model.train_on_batch(x[:5], y[:5])
    expected = hand.losses(model, x[5:], y[5:]).mean().item()

    assert model.test_on_batch(x[5:], y[5:]) == hand.near(expected)
    assert model.train_on_batch(x[5:], y[5:]) == hand.near(expected)


def test_batch_forms_return_dicts_on_request(make_model, regression, parts):
    model = make_model(metrics=[parts.Gap()])

    assert list(model.train_on_batch(*regression, return_dict=True)) == ["loss", "gap"]
    assert list(model.test_on_batch(*regression, return_dict=True)) == ["loss", "gap"]


def test_train_on_batch_takes_weights(make_model, regression, hand):
    weight = torch.arange(10.0)
    model = make_model()
    twin = copy.deepcopy(model)

    model.train_on_batch(*regression, sample_weight=weight)

    hand.step(twin, *regression, weight)
    assert hand.same_weights(model, twin)


def test_predict_on_batch_gives_numpy(make_model, regression):
    model = make_model()

    found = model.predict_on_batch(regression[0].double().numpy())

    assert found == pytest.approx(model(regression[0]).detach().numpy(), rel=1e-6)

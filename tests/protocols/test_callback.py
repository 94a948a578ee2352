"""The hooks that a callback may override."""

import inspect

import pytest

import corekit as ck

# https://keras.io/api/callbacks/base_callback/
HOOKS = [
    "on_epoch_begin", "on_epoch_end", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_begin",
    "on_predict_end", "on_test_batch_begin", "on_test_batch_end", "on_test_begin", "on_test_end",
    "on_train_batch_begin", "on_train_batch_end", "on_train_begin", "on_train_end",
]  # fmt: skip


def test_hooks_are_those_of_keras():
    assert sorted(name for name in dir(ck.Callback) if name.startswith("on_")) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_does_nothing_by_default(hook):
    method = getattr(ck.Callback(), hook)
    number = [] if "logs" in list(inspect.signature(method).parameters)[:1] else [0]

    assert method(*number, logs={"loss": 1.0}) is None


def test_callback_knows_model_and_figures():
    callback = ck.Callback()

    callback.set_model("the model")
    callback.set_params({"epochs": 3})

    assert (callback.model, callback.params) == ("the model", {"epochs": 3})

"""The record of a training, and logs that are read only when somebody looks."""

import torch

from corekit.training.history import History, LazyLogs


def test_history_lists_values_by_epoch():
    history = History()
    history.on_train_begin()

    history.on_epoch_end(0, {"loss": 2.0})
    history.on_epoch_end(1, {"loss": 1.0, "val_loss": 3.0})

    assert history.epoch == [0, 1]
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}


def test_history_forgets_an_earlier_run():
    history = History()
    history.on_epoch_end(0, {"loss": 2.0})

    history.on_train_begin()

    assert (history.epoch, history.history) == ([], {})


def test_history_shows_its_names():
    history = History()
    history.on_epoch_end(0, {"loss": 2.0, "accuracy": 0.5})

    assert repr(history) == "<History of 1 epochs: loss, accuracy>"


def test_lazy_logs_read_what_is_asked(parts):
    logs = LazyLogs({"loss": torch.tensor(2.0), "accuracy": torch.tensor(0.5)})

    with parts.Reads() as reads:
        names, count = list(logs), len(logs)
        assert reads.count == 0
        loss = logs["loss"]

    assert (names, count, loss, reads.count) == (["loss", "accuracy"], 2, 2.0, 1)


def test_lazy_logs_give_numbers():
    logs = LazyLogs({"loss": torch.tensor(2.0), "lr": 0.1})

    assert dict(logs) == {"loss": 2.0, "lr": 0.1}
    assert all(type(value) is float for value in logs.values())
    assert repr(logs) == "{'loss': 2.0, 'lr': 0.1}"
    assert logs.get("absent") is None

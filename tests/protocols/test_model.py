"""The face that training and saving ask of a model."""

import corekit as ck
from corekit.protocols.model import TrainableModel


def asked() -> list[str]:
    names = {*TrainableModel.__annotations__, *vars(TrainableModel)}
    return sorted(name for name in names if not name.startswith("_"))


def test_protocol_asks_for_something():
    assert {"train_step", "losses", "link_activation"} <= set(asked())


def test_model_has_all_that_is_asked():
    inputs = ck.Input(shape=(2,))
    model = ck.Model(inputs, inputs * 2)

    assert [name for name in asked() if not hasattr(model, name)] == []

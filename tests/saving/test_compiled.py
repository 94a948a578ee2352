"""A model's file can hold how it was compiled and what its optimizer has learned: training goes on bit for bit."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import SaveError
from corekit.registry import registry
from corekit.saving import format as files

rng = np.random.default_rng(0)
X = rng.normal(size=(96, 6)).astype("float32")
Y = rng.integers(0, 3, 96)


def network() -> ck.Sequential:
    torch.manual_seed(0)
    return ck.Sequential([
        ck.Input((6,)), ck.layers.Dense(8, "relu"), ck.layers.BatchNormalization(), ck.layers.Dense(3, "softmax"),
    ])  # fmt: skip


def trained(optimizer: Any = "adam", **settings: Any) -> Any:
    model = network()
    settings = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **settings}
    model.compile(optimizer, jit_compile=False, **settings)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, shuffle=False)
    return model


def go_on(model: Any) -> dict[str, list[float]]:
    return model.fit(X, Y, epochs=2, batch_size=16, verbose=0, shuffle=False).history


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "a name": lambda: "adam",
    "a schedule, weight decay, averages, accumulation": lambda: ck.optimizers.AdamW(
        ck.schedules.CosineDecay(0.01, 50), weight_decay=0.01, use_ema=True, gradient_accumulation_steps=5
    ),
    "momentum and clipping": lambda: ck.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    "three averages": lambda: ck.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_bit_for_bit(name: str, path: Path) -> None:
    model = trained(OPTIMIZERS[name]())
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert go_on(loaded) == go_on(model)
    assert all(torch.equal(mine, its) for mine, its in zip(model.weights, loaded.weights, strict=True))


def test_training_in_half_precision_goes_on_with_its_loss_scale(path: Path) -> None:
    inputs = ck.Input((6,))
    model: Any = ck.Model(inputs, ck.layers.Dense(3, "softmax", dtype="mixed_float16")(inputs))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, shuffle=False)
    model.optimizer.param_groups[0]["loss_scale"].fill_(1024.0)
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert float(loaded.optimizer.param_groups[0]["loss_scale"]) == 1024.0
    assert go_on(loaded) == go_on(model)


def test_evaluating_gives_the_same_without_being_asked_for_anything(path: Path) -> None:
    model = trained(loss_weights=[0.5], weighted_metrics=[ck.metrics.SparseTopKCategoricalAccuracy(k=2)])
    model.save(path)

    loaded: Any = ck.load_model(path)

    assert loaded.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)
    assert not loaded.optimizer.is_bound


def test_several_outputs_come_back_compiled(path: Path) -> None:
    inputs = ck.Input((6,))
    hidden = ck.layers.Dense(4)(inputs)
    model: Any = ck.Model(
        inputs, {"a": ck.layers.Dense(1, name="a")(hidden), "b": ck.layers.Dense(1, name="b")(hidden)}
    )
    y = {"a": X[:, :1], "b": X[:, 1:2]}
    losses = {"a": "mse", "b": ck.losses.Huber(delta=0.5)}
    model.compile("sgd", losses, loss_weights={"a": 1.0, "b": 0.2}, metrics={"b": ["mae"]}, jit_compile=False)
    model.fit(X, y, verbose=0)
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert loaded.evaluate(X, y, verbose=0, return_dict=True) == model.evaluate(X, y, verbose=0, return_dict=True)


def test_saved_again_it_is_the_same_file(path: Path, tmp_path: Path) -> None:
    trained().save(path, include_optimizer=True)

    ck.load_model(path).save(tmp_path / "again.safetensors", include_optimizer=True)

    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_compile_false_leaves_training_out(path: Path) -> None:
    model = trained()
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path, compile=False)

    assert loaded.optimizer is None
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_without_being_asked_no_state_is_written(path: Path) -> None:
    model = trained()
    model.save(path)

    assert files.read_header(path).tensors.keys() == model.named_weights().keys()


def test_frozen_weights_have_no_state(path: Path) -> None:
    model = network()
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, verbose=0, shuffle=False)
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert not any("dense.kernel" in name and "optimizer" in name for name in files.read_header(path).tensors)
    assert go_on(loaded) == go_on(model)


def test_weight_that_is_called_like_state_stays_apart(path: Path) -> None:
    @ck.register
    class Odd(ck.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = ck.layers.Dense(3)
            kernel = torch.nn.ParameterDict({"momentum": torch.ones(3)})
            self.optimizer = torch.nn.ModuleDict({"dense": torch.nn.ModuleDict({"kernel": kernel})})

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.dense(inputs) * dict(self.named_parameters())["optimizer.dense.kernel.momentum"]

    model: Any = Odd()
    model.compile(ck.optimizers.SGD(0.01, momentum=0.9), "mse", jit_compile=False)
    model.fit(X, X[:, :3], verbose=0, shuffle=False)
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert {"optimizer.dense.kernel.momentum", "optimizer.dense.kernel.momentum_"} <= files.read_header(
        path
    ).tensors.keys()


def test_model_without_an_optimizer_has_none_again(path: Path) -> None:
    model = network()
    model.compile(None, "mse")
    model.save(path)

    assert ck.load_model(path).optimizer is None


def test_load_weights_passes_over_the_optimizer(path: Path) -> None:
    model = trained()
    model.save(path, include_optimizer=True)
    twin = network()

    match = twin.load_weights(path)

    assert match.is_whole
    assert np.array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


# torch's optimizers


def test_registered_optimizer_of_torch_goes_on(path: Path) -> None:
    registry.add_local("optimizers", "TorchAdam", torch.optim.Adam)
    model = trained(functools.partial(torch.optim.Adam, lr=0.01, betas=(0.8, 0.9)))
    model.save(path, include_optimizer=True)

    loaded: Any = ck.load_model(path)

    assert loaded.optimizer.param_groups[0]["betas"] == (0.8, 0.9)
    assert go_on(loaded) == go_on(model)


def test_optimizer_that_nobody_registered_is_told_of(path: Path) -> None:
    model = trained(torch.optim.SGD)

    with pytest.raises(SaveError, match=r'"sequential\.compile" holds .*SGD.*\n  If SGD is yours'):
        model.save(path, include_optimizer=True)
    assert not path.exists()


# What cannot be saved


def own_loss(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_pred**2).mean(-1)


def test_loss_that_is_not_registered_is_left_out_with_a_warning(path: Path) -> None:
    model = trained(loss=own_loss)

    with pytest.warns(UserWarning, match=r"is saved without how it was compiled: .*own_loss(.|\n)*must call compile"):
        model.save(path)

    assert ck.load_model(path).optimizer is None


def test_and_is_an_error_where_the_state_is_asked_for(path: Path) -> None:
    with pytest.raises(SaveError, match=r"@corekit\.register"):
        trained(loss=own_loss).save(path, include_optimizer=True)


def test_registered_loss_comes_back(path: Path) -> None:
    ck.register(own_loss, kind="losses")
    model = trained(loss=own_loss)
    model.save(path)

    assert ck.load_model(path).evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (network, "is not compiled, so it has no optimizer"),
        (lambda: compiled_only(), "has no state yet: the model was not trained since compile"),
    ],
)
def test_state_that_is_not_there_cannot_be_saved(model: Any, message: str, path: Path) -> None:
    with pytest.raises(SaveError, match=message):
        model().save(path, include_optimizer=True)


def compiled_only() -> Any:
    model = network()
    model.compile("adam", "mse")
    return model


def test_optimizer_of_more_than_the_model_cannot_be_saved(path: Path) -> None:
    model = network()
    extra = torch.nn.Parameter(torch.zeros(2))
    optimizer = ck.optimizers.SGD(learning_rate=0.1, momentum=0.9).bind([*model.named_parameters(), ("extra", extra)])
    model.compile(optimizer, "mse", jit_compile=False)
    model.train_on_batch(X, X[:, :3])

    with pytest.raises(SaveError, match="parameters that are not the model's"):
        model.save(path, include_optimizer=True)


def test_optimizer_that_keeps_lists_cannot_be_saved(path: Path) -> None:
    registry.add_local("optimizers", "Listing", Listing)
    model = trained(functools.partial(Listing, lr=0.1))

    with pytest.raises(SaveError, match=r"Listing keeps past of 'dense\.kernel' as list"):
        model.save(path, include_optimizer=True)


class Listing(torch.optim.SGD):
    """Remembers the last rates."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["past"] = [group["lr"]]
        return super().step(closure)


def test_compile_of_a_class_of_its_own_is_not_known(path: Path) -> None:
    @ck.register
    class Gan(ck.Model):
        def compile(self, *args: Any, **kwargs: Any) -> None:
            super().compile(*args, **kwargs)

    inputs = ck.Input((6,))
    model = Gan(inputs, ck.layers.Dense(3)(inputs))
    model.compile("adam", "mse")

    with pytest.warns(UserWarning, match="Gan has a compile of its own"):
        model.save(path)


def test_the_file_says_what_training_needs(path: Path) -> None:
    registry.get("metrics", "sparse_categorical_crossentropy")  # which is no loss
    trained().save(path)

    metadata = files.read_header(path).metadata
    assert metadata["requires"].keys() == {"corekit-layers-basic", "corekit-objectives", "corekit-optim-basic"}
    assert json.dumps(metadata["training"]["names"], sort_keys=True) == (
        '{"losses": {"sparse_categorical_crossentropy": "corekit-objectives:SparseCategoricalCrossentropy"}, '
        '"metrics": {"accuracy": "corekit-objectives:Accuracy"}}'
    )

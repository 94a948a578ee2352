"""A model comes back from its file: equal, and only from parts that the registry knows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import corekit as ck
from corekit.errors import LoadError, SaveError
from tests.saving.test_format import rewrite

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def through(model: Any, path: Path) -> Any:
    model.save(path)
    return ck.load_model(path)


def test_predictions_are_equal_bit_for_bit(model: ck.Sequential, saved: Path) -> None:
    loaded = ck.load_model(saved)

    assert type(loaded) is ck.Sequential
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_loaded_model_infers(saved: Path) -> None:
    assert not any(module.training for module in ck.load_model(saved).modules())


def test_safetensors_own_loader_reads_it(model: ck.Sequential, saved: Path) -> None:
    stored = load_file(saved)

    assert stored.keys() == model.named_weights().keys()
    assert all(torch.equal(stored[name], weight) for name, weight in model.named_weights().items())


def test_graphs_with_operators_come_back(scale_class: Any, tmp_path: Path) -> None:
    left, right = ck.Input(shape=(3,), name="left"), ck.Input(shape=(3,), name="right")
    shared = scale_class(start=3.0)
    total = shared(left) - 2 * shared(right)[:, :3]
    model = ck.Model([left, right], {"total": total, "first": total[:, 0]})

    loaded = through(model, tmp_path / "m.safetensors")

    given = [torch.randn(4, 3), torch.randn(4, 3)]
    assert len(loaded.layers) == 1
    for name, value in model(given).items():
        assert torch.equal(loaded(given)[name], value)


def test_nested_models_come_back(model: ck.Sequential, tmp_path: Path) -> None:
    inputs = ck.Input(shape=(3,))
    outer = ck.Model(inputs, model(model(inputs)))

    loaded = through(outer, tmp_path / "m.safetensors")

    assert np.array_equal(loaded.predict(X, verbose=0), outer.predict(X, verbose=0))


def test_registered_subclasses_come_back(scale_class: Any, tmp_path: Path) -> None:
    @ck.register
    class Twice(ck.Model):
        def __init__(self, start: float) -> None:
            super().__init__()
            self.inner = scale_class(start=start)

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.inner(self.inner(inputs))

    model = Twice(3.0)
    model(torch.from_numpy(X))

    loaded = through(model, tmp_path / "m.safetensors")

    assert type(loaded) is Twice
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_dtypes_come_back(scale_class: Any, tmp_path: Path, dtype: str) -> None:
    model = ck.Sequential([ck.Input(shape=(3,), dtype=dtype), scale_class(dtype=dtype)])

    loaded = through(model, tmp_path / "m.safetensors")

    assert [weight.dtype for weight in loaded.weights] == [weight.dtype for weight in model.weights]


def test_frozen_layers_stay_frozen(model: ck.Sequential, tmp_path: Path) -> None:
    model.layers[0].trainable = False

    loaded = through(model, tmp_path / "m.safetensors")

    assert [layer.trainable for layer in loaded.layers] == [False, True]
    assert len(loaded.trainable_weights) == 2


def test_an_unregistered_class_shows_the_line(tmp_path: Path) -> None:
    class Nobody(ck.Layer):
        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs

    with pytest.raises(SaveError, match=r"(?s)Nobody, which is not registered.*@corekit\.register"):
        ck.Sequential([ck.Input(shape=(3,)), Nobody()]).save(tmp_path / "m.safetensors")

    assert not list(tmp_path.iterdir())


def test_a_function_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="holds no code"):
        ck.Sequential([ck.Input(shape=(3,)), torch.relu]).save(tmp_path / "m.safetensors")


def test_a_bare_torch_module_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"(?s)torch module \(Linear\).*@corekit\.register"):
        ck.Sequential([ck.Input(shape=(3,)), torch.nn.Linear(3, 2)]).save(tmp_path / "m.safetensors")


def test_an_unbuilt_model_cannot_be_saved(scale_class: Any, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="not built"):
        ck.Sequential([scale_class()]).save(tmp_path / "m.safetensors")


def test_another_suffix_is_refused(model: ck.Sequential, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r'model\.save\("digits\.safetensors"\)'):
        model.save(tmp_path / "digits.keras")


def test_overwrite_false_keeps_the_file(model: ck.Sequential, saved: Path) -> None:
    with pytest.raises(SaveError, match="overwrite is False"):
        model.save(saved, overwrite=False)


def test_all_missing_parts_are_named_at_once(saved: Path) -> None:
    def rename(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        for number, (_, layer) in enumerate(inner["architecture"]["layers"]):
            layer["id"] = f"corekit-elsewhere-{number}:Thing"

    rewrite(saved, rename)

    with pytest.raises(LoadError, match=r"(?s)2 parts.*corekit-elsewhere-0.*corekit-elsewhere-1") as caught:
        ck.load_model(saved)
    assert caught.value.code == "missing-part"


def test_custom_objects_stand_in(scale_class: Any, saved: Path) -> None:
    def rename(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        for _, layer in inner["architecture"]["layers"]:
            layer["id"] = "local:Another"

    rewrite(saved, rename)

    assert ck.load_model(saved, custom_objects={"Another": scale_class}).built


def test_a_name_of_another_kind_is_refused(saved: Path) -> None:
    ck.register(lambda x: x, name="identity_function", kind="layers")

    def rename(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        inner["architecture"]["layers"][0][1]["id"] = "local:identity_function"

    rewrite(saved, rename)

    with pytest.raises(LoadError):
        ck.load_model(saved)


def test_a_wrong_argument_is_refused(saved: Path) -> None:
    rewrite(saved, lambda entries, inner: inner["architecture"]["layers"][0][1]["config"].update(wings=2))

    with pytest.raises(ck.CorekitError, match="wings"):
        ck.load_model(saved)


def test_a_missing_weight_is_named(saved: Path) -> None:
    rewrite(saved, lambda entries, inner: inner["architecture"]["layers"].pop())

    with pytest.raises(LoadError):
        ck.load_model(saved)


def test_loading_imports_nothing_the_file_names(saved: Path) -> None:
    """A module name among the arguments stays a string."""

    def name_a_module(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        inner["architecture"]["layers"][0][1]["id"] = "antigravity:fly"
        inner["requires"] = {"antigravity": "1.0"}

    rewrite(saved, name_a_module)
    code = (
        "import sys, json, corekit as ck\n"
        f"try: ck.load_model({str(saved)!r})\n"
        "except ck.CorekitError: pass\n"
        "print(json.dumps('antigravity' in sys.modules))"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(run.stdout) is False

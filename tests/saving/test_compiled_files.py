"""What a file says of training is refused where `save` writes no such thing, and kept where it cannot be used here."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corekit as ck
from corekit.errors import LoadError
from corekit.saving import format as files
from tests.saving.test_compiled import network, trained
from tests.saving.test_format import rewrite


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the metadata of a file, and seal it again."""

    def both(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        change(inner)

    rewrite(path, both)


def optimizer(inner: dict[str, Any]) -> Any:
    return inner["training"]["config"]["optimizer"]


def with_far_optimizer(inner: dict[str, Any]) -> None:
    optimizer(inner)["$component"] = ["optimizers", "far-one:Lion"]


def test_missing_part_of_training_is_told_with_the_way_around(path: Path) -> None:
    trained().save(path)
    edit(path, with_far_optimizer)

    with pytest.raises(LoadError, match=r"far-one(.|\n)*load_model\(\.\.\., compile=False\)") as caught:
        ck.load_model(path)

    assert caught.value.code == "missing-part"
    assert ck.load_model(path, compile=False).optimizer is None


def test_missing_part_of_training_is_kept(path: Path, tmp_path: Path) -> None:
    model = trained()
    model.save(path, include_optimizer=True)
    edit(path, with_far_optimizer)

    loaded = ck.load_model(path, missing="placeholder")
    loaded.save(tmp_path / "again.safetensors")

    mine, again = (files.read_header(one) for one in (path, tmp_path / "again.safetensors"))
    assert again.metadata["training"] == mine.metadata["training"]
    assert again.metadata["hashes"] == mine.metadata["hashes"]


def test_what_is_kept_of_a_layer_goes_with_it(path: Path, tmp_path: Path) -> None:
    trained().save(path, include_optimizer=True)
    edit(path, with_far_optimizer)
    loaded: Any = ck.load_model(path, missing="placeholder")

    loaded.pop()
    loaded.save(tmp_path / "again.safetensors")

    again = files.read_header(tmp_path / "again.safetensors")
    held = {name for name in again.tensors if name.startswith("optimizer.")}
    assert held
    assert not any("dense_1" in name for name in held)
    assert "dense.kernel" in state(again.metadata)["groups"][0]["params"]
    assert not any("dense_1" in name for name in state(again.metadata)["groups"][0]["params"])


@pytest.mark.parametrize("training", [3, [], {"state": 3}, {"state": {"groups": 3, "values": {}}}, {"state": {}}])
def test_what_is_kept_must_be_what_a_file_holds(training: Any, path: Path) -> None:
    network().save(path)
    edit(path, lambda inner: inner.update(training=training))

    with pytest.raises(LoadError) as caught:
        ck.load_model(path, compile=False, missing="placeholder")

    assert caught.value.code == "bad-description"


def state(inner: dict[str, Any]) -> dict[str, Any]:
    return inner["training"]["state"]


def values(inner: dict[str, Any]) -> dict[str, Any]:
    return state(inner)["values"]


def swap(inner: dict[str, Any]) -> None:
    held = values(inner)
    held["dense.kernel"], held["dense.bias"] = held["dense.bias"], held["dense.kernel"]


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "training is a list": (lambda inner: inner.update(training=[]), "weights-differ"),
    "no config": (lambda inner: inner["training"].pop("config"), "bad-description"),
    "config is a text": (lambda inner: inner["training"].update(config="adam"), "bad-description"),
    "a text as state": (lambda inner: values(inner)["dense.kernel"].update(step="1"), "weights-differ"),
    "an unknown argument": (lambda inner: inner["training"]["config"].update(device="cuda"), "bad-description"),
    "a device": (lambda inner: inner["training"]["config"].update(run_eagerly={"a": 1}, colour=1), "bad-description"),
    "a callback as loss": (
        lambda inner: inner["training"]["config"].update(loss={"$component": ["callbacks", "a:B"]}), "bad-description",
    ),
    "a bare name as id": (
        lambda inner: inner["training"]["config"].update(loss={"$component": ["losses", "mse"]}), "bad-description",
    ),
    "an unknown name": (lambda inner: inner["training"]["config"].update(loss="no such loss"), "bad-description"),
    "an optimizer of another sort": (
        lambda inner: optimizer(inner)["config"].update(beta_1="0.9"), "bad-description",
    ),
    "a layer as optimizer": (
        lambda inner: optimizer(inner).update({"$component": ["layers", "corekit-layers-basic:Add"]}),
        "bad-description",
    ),
    "state of other weights": (
        lambda inner: values(inner).update(a=values(inner).pop("dense.kernel")), "weights-differ",
    ),
    "a weight twice": (lambda inner: state(inner)["groups"][0]["params"].append("dense.kernel"), "weights-differ"),
    "state of two weights exchanged": (swap, "weights-differ"),
    "an array that is not there": (
        lambda inner: values(inner)["dense.kernel"].update(more={"$stored": "nothing"}), "bad-description",
    ),
    "an array twice": (
        lambda inner: values(inner)["dense.kernel"].update(
            more={"$stored": next(iter(v["$stored"] for v in values(inner)["dense.kernel"].values() if "$stored" in v))}
        ),
        "bad-description",
    ),
    "a weight as state": (
        lambda inner: values(inner)["dense.kernel"].update(more={"$stored": "dense.kernel"}), "weights-differ",
    ),
    "state that is no object": (lambda inner: inner["training"].update(state=3), "weights-differ"),
    "groups that are none": (lambda inner: state(inner).update(groups=3), "bad-description"),
    "settings that are none": (lambda inner: state(inner)["groups"][0].update(settings=[1]), "bad-description"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_training_is_refused(name: str, path: Path) -> None:
    change, code = HOSTILE[name]
    trained().save(path, include_optimizer=True)
    edit(path, change)

    with warnings.catch_warnings(), pytest.raises(LoadError) as caught:
        ck.load_model(path)

    assert caught.value.code == code

import json

import pytest
import torch
from click.testing import CliRunner

import corekit as ck
from corekit.cli import group
from corekit.registry import registry
from tests.cli.imported import heavy_after
from tests.saving.test_format import rewrite

NORM = """
    import corekit as ck
    import torch

    class Norm(ck.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer=torch.ones)
        def call(self, inputs):
            return inputs * self.scale
"""


@pytest.fixture
def saved(site, tmp_path):
    """A model of two layers of a plugin, one of them called twice, in a model of its own."""
    site.install("a-norm", {"layers": {"Norm": "norms:Norm"}}, version="2.1", norms=NORM)
    x = inputs = ck.Input((4,), name="x")
    shared = ck.layer("a-norm:Norm", name="shared")
    inner = ck.Sequential([ck.Input((4,)), ck.layer("a-norm:Norm", name="own")], name="inner")
    model = ck.Model(inputs, inner(shared(shared(x))) + 1.0)
    path = tmp_path / "m.safetensors"
    model.save(path)
    return path


def inspect(*words):
    return CliRunner().invoke(group, ["inspect", *map(str, words)])


def told(*words):
    result = inspect(*words, "--json")
    return json.loads(result.stdout), result.exit_code


def test_layers_are_shown_in_the_order_of_use(saved):
    lines = [(one["depth"], one["name"], one["what"], one["parameters"]) for one in told(saved)[0]["layers"]]

    norm = "a-norm:Norm"
    assert lines == [
        (0, "shared", norm, 4), (0, "shared", norm, 0), (0, "inner", "sequential", 0), (1, "own", norm, 4),
        (0, "", "add", 0),
    ]  # fmt: skip


def test_shapes_and_sizes_are_shown(saved):
    facts, code = told(saved)

    assert {one["gives"] for one in facts["layers"]} == {"(batch, 4)"}
    assert (facts["parameters"], facts["bytes"], code) == (8, 32, 0)


def test_what_is_needed_is_compared_with_what_is_here(saved, site):
    rewrite(saved, lambda entries, inner: inner["requires"].update({"a-norm": "2.0", "b-far": "1"}))

    assert {one["distribution"]: one["state"] for one in told(saved)[0]["needs"]} == {
        "a-norm": "other version",
        "b-far": "missing",
    }


@pytest.fixture
def trained(tmp_path):
    """A trained model of built-in layers, saved with its optimizer."""
    model = ck.Sequential([ck.Input((4,)), ck.layers.Dense(2, "relu")])
    model.compile(ck.optimizers.SGD(0.1, momentum=0.9), "mse", jit_compile=False)
    model.train_on_batch(torch.ones(3, 4), torch.ones(3, 2))
    path = tmp_path / "trained.safetensors"
    model.save(path, include_optimizer=True)
    return path


def test_training_and_its_state_are_told_apart_from_the_weights(trained):
    facts, code = told(trained)

    assert code == 0
    assert (facts["parameters"], facts["bytes"]) == (10, 40)
    assert facts["training"] == {
        "optimizer": "corekit-optim-basic:SGD", "has_state": True, "parameters": 10, "bytes": 40,
    }  # fmt: skip
    assert "Compiled with optimizer corekit-optim-basic:SGD, with its state, 40 bytes." in inspect(trained).stdout


def test_file_without_training_says_so(saved):
    assert told(saved)[0]["training"] is None
    assert "saved without how it was compiled" in inspect(saved).stdout


def test_names_among_arguments_are_needed_too(trained):
    parts = {(one["kind"], one["id"], one["used_by"]) for one in told(trained)[0]["parts"]}

    assert ("activations", "corekit-layers-basic:relu", "model") in parts
    assert ("losses", "corekit-objectives:MeanSquaredError", "training") in parts


def test_what_only_training_lacks_is_told_with_the_way_around(trained):
    def with_far_optimizer(entries, inner):
        inner["training"]["config"]["optimizer"]["$component"][1] = "far-one:Lion"

    rewrite(trained, with_far_optimizer)

    result = inspect(trained)

    assert result.exit_code == 1
    assert "Only training needs that:  corekit.load_model(..., compile=False)  leaves it out." in result.stdout


def test_missing_part_is_told_with_exit_code_1(saved, site):
    rewrite(saved, lambda entries, inner: inner["architecture"]["layers"][0][1].update(id="b-far:Norm"))

    result = inspect(saved)

    assert result.exit_code == 1
    assert "layers b-far:Norm: missing." in result.stdout
    assert "A name in a file proves nothing" in result.stdout


def test_disabled_part_is_told(saved):
    with ck.plugins(disable=["a-norm"]):
        facts, code = told(saved)

    assert code == 1
    assert [(one["id"], one["state"]) for one in facts["parts"]] == [("a-norm:Norm", "disabled")]


def test_class_of_a_program_says_what_to_do(tmp_path):
    @ck.register
    class Own(ck.Layer):
        def call(self, inputs):
            return inputs

    ck.Sequential([ck.Input((4,)), Own()]).save(tmp_path / "m.safetensors")

    with registry.isolated():
        output = inspect(tmp_path / "m.safetensors").stdout

    assert "local:Own: registered by its program. define it with @corekit.register before loading" in output


def test_damage_is_found_unless_told_to_be_fast(saved):
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)

    assert "is damaged" in inspect(saved).stderr
    assert inspect(saved, "--fast").exit_code == 0


def test_words_of_the_file_cannot_move_the_cursor(saved):
    def change(entries, inner):
        inner["corekit"] = "\x1b[2J" + "9" * 10_000
        inner["architecture"]["layers"][0][1].update(id="b:\x1b[1;1H")

    rewrite(saved, change)

    output = inspect(saved).stdout
    assert output.replace("\n", "").isprintable()
    assert len(output) < 3_000


@pytest.mark.parametrize("change", [{"layers": 3}, {"steps": [None, 4]}, {"row": {"a": 1}}, {"layers": [["a"], 7]}])
def test_description_that_is_none_is_no_crash(saved, change):
    rewrite(saved, lambda entries, inner: inner["architecture"].update(change))

    assert inspect(saved).exception is None or isinstance(inspect(saved).exception, SystemExit)


@pytest.fixture
def parts(saved):
    """The shards of the same model, in several files."""
    ck.load_model(saved).save(saved, max_shard_size=400 / 2**30)
    return sorted(saved.parent.glob("m-*"))


def test_shards_are_shown_and_counted_as_one_model(saved, parts):
    facts, code = told(saved)

    assert facts["shards"] == [part.name for part in parts]
    assert (facts["format"], facts["parameters"], facts["bytes"], code) == (2, 8, 32, 0)
    assert f"8 numbers in 32 bytes, in 2 files beside it, {parts[0].name} and so on." in inspect(saved).stdout


def test_damage_in_a_shard_is_found_unless_told_to_be_fast(saved, parts):
    content = bytearray(parts[1].read_bytes())
    content[-1] ^= 1
    parts[1].write_bytes(content)

    assert f"{parts[1].name}: tensor 'inner.own.scale' is damaged" in inspect(saved).stderr
    assert inspect(saved, "--fast").exit_code == 0


def test_missing_shard_is_told_with_exit_code_1(saved, parts):
    parts[0].unlink()

    for words in ([saved], [saved, "--fast"]):
        result = inspect(*words)
        assert result.exit_code == 1
        assert f"of which 1 cannot be found: {parts[0].name}" in result.stderr


@pytest.mark.parametrize("in_shards", [False, True])
def test_no_torch_and_no_plugin_is_imported(saved, request, in_shards):
    if in_shards:
        request.getfixturevalue("parts")
    assert heavy_after("inspect", saved)[1] == "set()"

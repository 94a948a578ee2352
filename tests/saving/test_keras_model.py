"""A .keras file as a whole: nothing is made, opened or run before the file is seen to fit."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, LoadError
from corekit.registry import registry
from tests.saving.conftest import Scale
from tests.saving.keras_files import entrance, members, row, scale, weights, write

pytest.importorskip("h5py", reason="the extra corekit[keras]")


@pytest.fixture
def path(tmp_path, scale_class):
    return write(tmp_path / "m.keras")


def refused(path, code):
    with pytest.raises(LoadError) as raised:
        ck.load_model(path)
    assert raised.value.code == code
    return str(raised.value)


def test_model_computes_with_the_weights_of_the_file(path):
    model = ck.load_model(path)

    torch.testing.assert_close(model(torch.ones(2, 3)), torch.tensor([[1.5, 2.5, 3.5]] * 2))
    assert not model.training


def test_placeholders_are_for_our_own_files(path):
    with pytest.raises(
        ArgumentError, match=r"keeps corekit's description of a layer, which a Keras file does not have"
    ):
        ck.load_model(path, missing="placeholder")


def test_hooks_hear_of_the_model(path, monkeypatch):
    heard = []
    monkeypatch.setattr(registry, "call_hooks", lambda name, **words: heard.append((name, words["path"])))

    ck.load_model(path)

    assert heard == [("model_loaded", str(path))]


def test_shape_bomb_allocates_nothing(path):
    write(path, members(row(scale(), size=2**40)))

    assert "float32 (1099511627776,) in the model, float32 (3,) in the file" in refused(path, "weights-differ")


def test_weights_are_made_once_and_only_where_they_fit(path, monkeypatch):
    devices = []

    def add_weight(layer, **words):
        devices.append(torch.get_default_device().type)
        return ck.Layer.add_weight(layer, **words)

    monkeypatch.setattr(Scale, "add_weight", add_weight)
    write(path, members(row(scale()), weights({"layers/scale/vars/0": np.ones(3, "f4")})))

    refused(path, "weights-differ")
    assert devices == ["meta"] * 3


def test_default_device_and_policy_are_as_before(path):
    write(path, members(row(scale(class_name="Stranger"))))

    with pytest.raises(LoadError):
        ck.load_model(path)

    assert torch.get_default_device().type == "cpu"
    assert ck.config.dtype_policy().name == "float32"


def test_policy_of_the_program_does_not_reach_the_file(path):
    ck.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ck.load_model(path)
    finally:
        ck.config.set_dtype_policy("float32")

    assert model(torch.ones(1, 3)).dtype == torch.float32


def test_floatx_of_the_program_does_not_reach_the_file(path):
    ck.config.set_floatx("float64")
    try:
        model = ck.load_model(path)
    finally:
        ck.config.set_floatx("float32")

    assert model.layers[0].scale.dtype == torch.float32


def test_weights_that_differ_are_told_by_the_names_of_both(path):
    arrays = {f"layers/scale/vars/{n}": v for n, v in enumerate([np.ones(4, "f4"), np.float32(0)])}
    write(path, members(h5=weights({**arrays, "layers/dense/vars/0": np.ones(2, "f4")})))

    message = refused(path, "weights-differ")

    assert "1 of the model's 3 weights match" in message
    assert "missing in the file (1): 'scale.calls'" in message
    assert "not in the model (1): 'layers/dense/vars/0'" in message
    assert "'scale.scale': float32 (3,) in the model, float32 (4,) in the file" in message


def test_lone_layer_is_no_model(path):
    write(path, members(scale()))

    assert "holds a Scale, which is no model" in refused(path, "wrong-kind")


def test_reserved_names_are_kept_and_dots_become_lines(path):
    h5 = weights({f"layers/scale{k}/vars/{n}": v for k in ("", "_1")
                  for n, v in enumerate([np.ones(3, "f4"), np.float32(0), np.int64(1)])})  # fmt: skip
    write(path, members(row(scale("output"), scale("a.b")), h5))

    model = ck.load_model(path)

    assert [layer.name for layer in model.layers] == ["output", "a_b"]
    model.save(path.with_suffix(".safetensors"))
    assert [layer.name for layer in ck.load_model(path.with_suffix(".safetensors")).layers] == ["output", "a_b"]


@pytest.mark.parametrize("key", ["sparse", "ragged", "optional"])
def test_odd_input_is_refused(path, key):
    config = row(scale())
    config["config"]["layers"][0]["config"][key] = True
    write(path, members(config))

    assert f'the input "x" is {key}, which corekit has not' in refused(path, "bad-description")


def test_two_layers_of_one_name_are_refused(path):
    inputs = [{**entrance(), "name": "x", "inbound_nodes": []}] * 2
    config = {"name": "m", "layers": inputs, "input_layers": ["x", 0, 0], "output_layers": ["x", 0, 0]}
    record = {"module": "keras", "class_name": "Model", "config": config, "registered_name": None}
    write(path, members(record))

    assert 'two layers are called "x"' in refused(path, "bad-description")


AUDIT = """
import json, os, sys
import corekit as ck
from tests.saving.conftest import Scale
ck.register(Scale)
good, *others = sys.argv[1:]
seen = []
def hear(event, args):
    if listening and event in WATCHED:
        seen.append((event, str(args[0]) if args else ""))
WATCHED = {"exec", "compile", "import", "open", "os.system", "subprocess.Popen", "socket.connect", "socket.getaddrinfo",
           "marshal.loads", "pickle.find_class", "os.remove", "os.rename", "os.mkdir", "urllib.Request"}
listening = False
sys.addaudithook(hear)
for path in (good, *others):           # all modules are imported once, so that the second time is quiet
    for listening in (False, True):
        try:
            ck.load_model(path)
        except ck.CorekitError:
            pass
    listening = False
index = os.environ["COREKIT_CACHE"]       # where a name that is unknown is looked for once more
print(json.dumps([(event, what) for event, what in seen if not what.startswith(index)]))
"""


def test_loading_opens_the_file_and_does_nothing_else(tmp_path):
    lam = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": {
        "class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAA"}}}, "registered_name": None}  # fmt: skip
    foreign = {"module": "antigravity", "class_name": "fly", "config": {"name": "f"}, "registered_name": "a>fly"}
    good = write(tmp_path / "good.keras")
    bad = [write(tmp_path / f"{n}.keras", members(row(one))) for n, one in enumerate((lam, foreign))]
    words = [sys.executable, "-c", AUDIT, str(good), *map(str, bad)]

    run = subprocess.run(words, capture_output=True, text=True, cwd=os.getcwd(), check=True)

    assert json.loads(run.stdout) == [["open", str(path)] for path in (good, *bad)]

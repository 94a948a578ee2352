"""Which parts of a Keras file can be made: all others are named at once, with what to do, and nothing is run."""

import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from tests.saving.keras_files import entrance, members, row, scale, write

pytest.importorskip("h5py", reason="the extra corekit[keras]")


def keras_layer(cls, name="layer", module="keras.layers", **config):
    return {"module": module, "class_name": cls, "config": {"name": name, **config}, "registered_name": None}


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a Sequential of these layers."""

    def load(*layers, **words):
        return ck.load_model(write(tmp_path / "m.keras", members(row(*layers))), **words)

    return load


@pytest.fixture
def refused(load):
    def refused(*layers, code, **words):
        with pytest.raises(LoadError) as raised:
            load(*layers, **words)
        assert raised.value.code == code
        return str(raised.value)

    return refused


# What is code


@pytest.mark.parametrize("cls", ["Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"])
def test_layer_that_holds_code_is_refused_by_name(refused, cls):
    message = refused(keras_layer(cls, "mine"), code="holds-code")

    assert f'{cls} "mine": it ' in message
    assert "@corekit.register  class MyLayer(corekit.Layer): def call(self, inputs): ..." in message


def test_lambda_is_refused_whatever_the_caller_offers(refused, scale_class):
    refused(keras_layer("Lambda"), code="holds-code", custom_objects={"Lambda": scale_class})


def test_lambda_deep_in_a_nested_model_is_found(refused):
    inner = row(row(keras_layer("Lambda", "deep")))

    assert 'Lambda "deep"' in refused(scale(), inner, code="holds-code")


def test_function_as_bytecode_is_refused(refused, scale_class):
    bytecode = {"class_name": "__lambda__", "config": {"value": ["4wEAAAAA", None, None]}}
    record = scale(config={"name": "s", "activation": bytecode})

    assert 'a lambda in "activation": a file that holds code is not read' in refused(record, code="holds-code")


def test_way_of_compiling_is_passed_over(tmp_path, scale_class):
    compiled = {"optimizer": {"module": "os", "class_name": "system", "config": {"command": "true"}}, "loss": "x"}
    config = {**row(scale()), "compile_config": compiled}

    assert ck.load_model(write(tmp_path / "m.keras", members(config))).optimizer is None


# What is too much


def test_more_layers_than_a_model_file_takes_are_refused(refused, scale_class):
    message = refused(*[scale(f"s{number}") for number in range(2**14)], code="too-large")

    assert "the Keras model lists 16,385 layers; at most 16,384 are made." in message


# What is not known


def test_all_that_is_lacking_is_named_at_once(refused):
    message = refused(
        keras_layer("Hologram", "a"),
        scale(),
        keras_layer("Lambda", "b"),
        keras_layer("Hologram", "c"),
        code="holds-code",
    )

    assert "has 4 parts that corekit cannot make. Nothing was loaded." in message
    assert 'Hologram "a", "c": corekit has no such layer.' in message
    assert message.count("The layers that it has: Activation, Add, ") == 1
    assert "Scale \"scale\": it is of the module 'somewhere.layers', which is not imported for it." in message
    assert 'Lambda "b"' in message


def test_layer_that_corekit_lacks_may_be_the_callers_own(load, scale_class):
    record = keras_layer("Scale", "scale", start=2.0)

    assert isinstance(load(record, custom_objects={"Scale": scale_class}).layers[0], scale_class)


@pytest.mark.parametrize("module", ["os", "builtins", "keras.src.utils.module_utils", "subprocess", "tests.saving.x"])
@pytest.mark.parametrize("cls", ["system", "exec", "Popen", "Dense", "function"])
def test_name_of_another_module_is_never_looked_up(refused, module, cls):
    record = {"module": module, "class_name": cls, "config": {"name": "x", "value": 1}, "registered_name": cls}

    message = refused(record, code="missing-part")

    assert cls in message


def test_class_of_a_stranger_is_not_ours_of_the_same_name(refused):
    stranger = {**keras_layer("Dense", "d", module="stranger.layers"), "registered_name": "stranger>Dense"}

    assert "Dense \"d\": it is of the module 'stranger.layers'" in refused(stranger, code="missing-part")


def test_names_are_shown_escaped(refused):
    message = refused(keras_layer("Holo\x1b[31m", "a\x1b[31m\nb" + "c" * 99, "\x1b"), code="missing-part")

    assert "\x1b" not in message
    assert r'Holo\x1b[31m "a\x1b[31m\nbccc' in message
    assert "c" * 60 not in message


def test_custom_object_that_is_no_layer_is_refused(refused):
    for wrong in (print, int, "Scale", object()):
        message = refused(scale(), code="wrong-kind", custom_objects={"Scale": wrong})
        assert "is no class of layers" in message


def test_operation_that_corekit_lacks_is_named(tmp_path):
    node = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": ["x", 0, 0]}}
    call = {"args": [node], "kwargs": {}}
    layers = [
        {**entrance(), "name": "x", "inbound_nodes": []},
        {**keras_layer("Einsum", "e", "keras.src.ops.numpy"), "name": "e", "inbound_nodes": [call]},
    ]
    config = {"name": "m", "layers": layers, "input_layers": ["x", 0, 0], "output_layers": ["e", 0, 0]}
    record = {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}

    with pytest.raises(
        LoadError, match=r'Einsum "e": corekit has no such operation.\n  The operations that it has: Absolute, Add'
    ):
        ck.load_model(write(tmp_path / "m.keras", members(record)))


# The caller's own


def test_registered_class_is_found_by_its_name(load, scale_class):
    model = load(scale())

    assert isinstance(model.layers[0], scale_class)
    assert model.layers[0].start == 1.5
    torch.testing.assert_close(model(torch.ones(1, 3)), torch.tensor([[1.5, 2.5, 3.5]]))


@pytest.mark.parametrize("name", ["Some>Scale", "Scale"])
def test_class_is_given_by_its_registered_name_or_its_own(tmp_path, name):
    from tests.saving.conftest import Scale

    path = write(tmp_path / "m.keras")

    assert isinstance(ck.load_model(path, custom_objects={name: Scale}).layers[0], Scale)


def test_class_that_takes_only_its_own_arguments_gets_the_rest(load):
    class Plain(ck.Layer):
        def __init__(self, start):
            super().__init__()
            self.start = start

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(3,), name="scale")
            self.offset = self.add_weight(shape=(), name="offset")
            self.calls = self.add_weight(shape=(), dtype="int64", trainable=False, name="calls")

        def call(self, inputs):
            return inputs * self.scale

    record = scale(config={"name": "mine", "trainable": False, "dtype": "float64", "start": 3})

    made = load(record, custom_objects={"Scale": Plain}).layers[0]

    assert (made.name, made.start, made.trainable, made.scale.dtype) == ("mine", 3, False, torch.float64)

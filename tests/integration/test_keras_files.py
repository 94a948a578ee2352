"""Files that Keras 3 wrote are read: the models predict as they did in Keras, whatever they are made of."""

import json
import random
import warnings
import zipfile

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from corekit.registry.standard import OWNERS
from corekit.saving.keras_names import LAYERS
from tests.integration.keras_models import ALONE, COMPOSED, NAMES, READ
from tests.saving.keras_files import write

pytestmark = pytest.mark.slow  # Keras takes seconds to start

SAME_IN_BOTH = [
    name for name in READ if name in NAMES and name not in ("activations_as_operations", "compiled_and_trained")
]
ROUNDED = {"half_in_bfloat16": 2e-2, "weights_in_bfloat16": 2e-2, "in_float16": 2e-3}
"""Models that compute with 8 or 11 bits: two roundings in another order are all that can be promised."""

SCRIPT = """
L = keras.layers
random = np.random.default_rng(0)
{composed}
def alone(shape, layer):
    x = eval(f"keras.Input({{shape}})")
    return keras.Model(x, eval(layer)(x))

def example(tensor):
    shape = [4 if size is None else size for size in tensor.shape]
    if "int" in tensor.dtype:
        return random.integers(0, 9, shape).astype(tensor.dtype)
    return random.normal(size=shape).astype(tensor.dtype)

for name, make in {makers}:
    model = eval(make)
    weights = [random.uniform(0.1, 1.0, w.shape) * random.choice([-1, 1], w.shape) if "moving_variance" not in w.path
               else random.uniform(0.5, 2.0, w.shape) for w in model.weights]
    model.set_weights([v.astype("float32") for v in weights])
    xs = [example(tensor) for tensor in model.inputs]
    is_named = name == "inputs_by_name"
    given = dict(zip(("left", "right"), xs)) if is_named else xs if len(xs) > 1 else xs[0]
    outputs = keras.tree.flatten(model.predict(given, verbose=0))
    result |= {{f"{{name}}/x{{i}}": x for i, x in enumerate(xs)}}
    result |= {{f"{{name}}/y{{i}}": np.asarray(y, "float64") for i, y in enumerate(outputs)}}
    result[f"{{name}}/trainable"] = len(model.trainable_weights)
    model.save("{folder}/" + name + ".keras")
    model.save_weights("{folder}/" + name + ".weights.h5")
"""


@pytest.fixture(scope="module")
def files(keras_oracle, tmp_path_factory):
    """Return the folder with the files, and what Keras says to each of the models."""
    folder = tmp_path_factory.mktemp("files")
    makers = [(name, f"alone({shape!r}, {layer!r})") for name, (shape, layer) in ALONE.items()]
    makers += [(name, f"{name}()") for name in NAMES]
    script = SCRIPT.format(composed=COMPOSED, makers=makers, folder=folder.as_posix())
    return folder, keras_oracle(script)


def given(said, name):
    return [said[key] for key in sorted(said) if key.startswith(f"{name}/x")]


def wanted(said, name):
    return [said[key] for key in sorted(said) if key.startswith(f"{name}/y")]


def predicted(model, xs):
    x = xs[0] if len(xs) == 1 else dict(zip(model.graph.input_names, xs, strict=True))
    outputs = model.predict(x, verbose=0)
    if isinstance(outputs, dict):
        return [outputs[name] for name in sorted(outputs)]  # as Keras flattens a dict
    return outputs if isinstance(outputs, list) else [outputs]


def assert_predicts_as_keras(model, said, name):
    tolerance = ROUNDED.get(name, 1e-5)
    ours, theirs = predicted(model, given(said, name)), wanted(said, name)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(mine, "float64"), other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", READ)
def test_keras_file_predicts_as_in_keras(files, name):
    folder, said = files

    model = ck.load_model(folder / f"{name}.keras")

    assert_predicts_as_keras(model, said, name)
    assert len(model.trainable_weights) == said[f"{name}/trainable"]


@pytest.mark.parametrize("name", READ)
def test_keras_weights_find_their_layers(files, name):
    folder, said = files
    read = ck.load_model(folder / f"{name}.keras")
    model = type(read).from_config(read.get_config())  # as if the user had written it: with no word of Keras's order

    match = model.load_weights(folder / f"{name}.weights.h5")

    assert match.is_whole
    assert_predicts_as_keras(model, said, name)


@pytest.mark.parametrize("name", SAME_IN_BOTH)
def test_keras_weights_find_the_layers_of_the_same_program(files, name):
    program = {"keras": ck, "L": ck.layers, "np": np}
    exec(COMPOSED.partition("@keras.saving")[0], program)  # the code that made it in Keras makes it here
    model = program[name]()

    model.load_weights(files[0] / f"{name}.weights.h5")

    assert_predicts_as_keras(model, files[1], name)


@pytest.mark.parametrize("name", READ)
def test_model_of_keras_goes_through_our_file(files, name, tmp_path):
    folder, said = files

    ck.load_model(folder / f"{name}.keras").save(tmp_path / "m.safetensors")

    assert_predicts_as_keras(ck.load_model(tmp_path / "m.safetensors"), said, name)


def test_every_layer_of_keras_that_corekit_has_is_read():
    assert {known.becomes or name for name, known in LAYERS.items()} == set(OWNERS["layers"])
    assert [name for name in LAYERS if not any(f"L.{name}(" in layer for _, layer in ALONE.values())] == []


HOSTILE = [
    None, True, -1, 0, 7, 10**12, -(10**18), 1e300, "", "x", "os.system", "../../etc/passwd", "http://localhost", [],
    {}, [[]], ["relu"], {"a": 1}, {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "l"}},
    {"class_name": "system", "module": "os", "config": {"command": "true"}}, {"class_name": "__numpy__", "config": {}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}, {"$component": ["layers", "Dense"]},
    {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 10**9}},
]  # fmt: skip


def places_in(value):
    """Yield (container, key) of everything in a JSON value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places_in(value[key])


@pytest.mark.parametrize(
    "name", ["compiled_and_trained", "states_passed_on", "shared_between_models", "operators", "conv2d", "embedding"]
)
def test_configuration_with_any_value_is_refused_or_read(files, name, tmp_path):
    with zipfile.ZipFile(files[0] / f"{name}.keras") as file:
        contents = {member: file.read(member) for member in file.namelist()}
    seeded = random.Random(name)
    path = tmp_path / "m.keras"
    refusals = 0

    for _ in range(60):
        config = json.loads(contents["config.json"])
        container, key = seeded.choice(list(places_in(config)))
        if seeded.random() < 0.1:
            del container[key]
        else:
            container[key] = seeded.choice(HOSTILE)
        write(path, {**contents, "config.json": json.dumps(config).encode()})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert isinstance(ck.load_model(path), ck.Model)
        except LoadError:
            refusals += 1

    assert refusals > 15


def test_layer_of_the_callers_own_is_read(files):
    folder, said = files

    class Gate(ck.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size
            self.inner = ck.layers.Dense(size, activation="sigmoid")
            self.blocks = torch.nn.ModuleList([ck.layers.Dense(size), ck.layers.Dense(size)])

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(self.size,), name="scale")

        def call(self, inputs):
            return self.blocks[1](self.blocks[0](self.inner(inputs) * self.scale))

    model = ck.load_model(folder / "own_class.keras", custom_objects={"Gate": Gate})

    assert_predicts_as_keras(model, said, "own_class")
    with pytest.raises(
        LoadError, match=r"of its author's own program, [\s\S]*@corekit.register above it, or  load_model"
    ):
        ck.load_model(folder / "own_class.keras")


class Net(ck.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        layers = ck.layers
        self.units, self.last, self._hidden = units, layers.Dense(2), layers.Dense(units)
        self.first, self.norm = layers.Dense(units), layers.BatchNormalization()
        self.parts = torch.nn.ModuleList([layers.Dense(units), layers.Dense(units)])

    def call(self, x):
        return self.last(self.parts[1](self.parts[0](self.norm(self._hidden(self.first(x))))))


def test_model_of_the_callers_own_class_is_read(files):
    folder, said = files

    model = ck.load_model(folder / "own_model.keras", custom_objects={"Net": Net})

    assert_predicts_as_keras(model, said, "own_model")


def test_weights_find_the_attributes_of_a_model_with_a_call(files):
    folder, said = files
    model = Net(5)
    model.build((None, 3))

    model.load_weights(folder / "own_model.weights.h5")

    assert_predicts_as_keras(model, said, "own_model")


@pytest.mark.parametrize("name", ["doubled", "mine>doubled"])
def test_activation_of_the_callers_own_is_read(files, name):
    folder, said = files

    model = ck.load_model(folder / "own_activation.keras", custom_objects={name: lambda x: 2 * torch.tanh(x)})

    assert_predicts_as_keras(model, said, "own_activation")


def test_lambda_in_a_file_of_keras_is_refused_by_name(files):
    with pytest.raises(LoadError, match='Lambda "twice": it holds Python bytecode') as raised:
        ck.load_model(files[0] / "lambda_layer.keras")

    assert raised.value.code == "holds-code"


def test_call_in_training_mode_is_told(files):
    with pytest.warns(UserWarning, match='"noise" was called with training=True, which a corekit model does not keep'):
        model = ck.load_model(files[0] / "training_call.keras")

    assert_predicts_as_keras(model, files[1], "training_call")

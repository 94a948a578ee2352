"""Reading: dtypes and shapes of weights, trainable flags, and files whose parts do not fit together."""

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import LoadError
from corekit.model.config import describe
from corekit.saving import format as files
from tests.saving.test_format import rewrite


def through(model, path):
    model.save(path)
    return ck.load_model(path)


class Shelf(ck.Layer):
    """Holds a weight for each (shape, dtype)."""

    def __init__(self, kinds):
        super().__init__()
        self.kinds = kinds

    def build(self, input_shape):
        for number, (shape, dtype) in enumerate(self.kinds):
            self.add_weight(name=f"w{number}", shape=shape, dtype=dtype, trainable=False, initializer=self.draw)

    def draw(self, shape, dtype):
        return torch.randint(0, 2, shape).to(dtype)

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (5,), (2, 3)])
def test_weights_of_any_kind_come_back(path, dtype, shape):
    model = ck.Sequential([ck.Input(shape=(3,)), ck.register(Shelf)([(shape, dtype), ((1,), "float32")])])

    loaded = through(model, path)

    assert [(w.dtype, w.shape) for w in loaded.weights] == [(w.dtype, w.shape) for w in model.weights]
    assert all(torch.equal(a, b) for a, b in zip(loaded.weights, model.weights, strict=True))


def test_weight_that_is_not_contiguous_comes_back(model, path):
    with torch.no_grad():
        model.layers[0].scale.data = torch.arange(6.0)[::2]

    assert through(model, path).layers[0].scale.tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_cast_model_comes_back_cast(model, path, dtype):
    loaded = through(model.to(dtype), path)

    x = torch.randn(2, 3).to(dtype)
    assert torch.equal(loaded(x), model(x))


def test_floatx_of_the_reader_does_not_matter(model, path, monkeypatch):
    model.save(path)
    monkeypatch.setitem(ck.protocols.dtype._settings, "floatx", "float64")

    assert ck.load_model(path).layers[0].scale.dtype == torch.float32


def test_weights_frozen_by_hand_stay_frozen(model, path):
    model.layers[0].offset.requires_grad_(False)

    loaded = through(model, path)

    assert [w.requires_grad for w in loaded.weights] == [w.requires_grad for w in model.weights]


def test_loaded_weights_are_the_models_own(model, path):
    loaded = through(model, path)
    path.unlink()

    with torch.no_grad():
        loaded.layers[0].scale.zero_()

    assert loaded.layers[0].scale.tolist() == [0.0] * 3


def test_module_class_of_a_plugin_comes_back(path):
    ck.register(nn.Linear, kind="layers")
    model = ck.Sequential(
        [ck.Input(shape=(3,)), ck.layers.Linear(3, 2), ck.layer("linear", in_features=2, out_features=1)]
    )

    loaded = through(model, path)

    assert torch.equal(loaded(torch.ones(1, 3)), model(torch.ones(1, 3)))


def test_tied_weights_come_back_tied(path):
    @ck.register
    class Tied(ck.Layer):
        def build(self, input_shape):
            self.one = self.add_weight(name="one", shape=(3,), initializer=nn.init.uniform_)
            self.two = self.one

        def call(self, inputs):
            return inputs * self.one + self.two

    model = ck.Sequential([ck.Input(shape=(3,)), Tied()])

    loaded = through(model, path)

    assert loaded.layers[0].one is loaded.layers[0].two
    assert torch.equal(loaded(torch.ones(3)), model(torch.ones(3)))


def test_loaded_model_may_be_saved_again(model, path):
    loaded = through(model, path)
    first = path.read_bytes()

    loaded.save(path)

    assert path.read_bytes() == first


def test_loading_twice_gives_two_models(model, path):
    first, second = through(model, path), ck.load_model(path)

    both = ck.Sequential([ck.Input(shape=(3,)), first, second])

    assert torch.equal(both(torch.ones(1, 3)), model(model(torch.ones(1, 3))))


# Files whose parts do not fit together


def refused(path, code):
    with pytest.raises(LoadError) as raised:
        ck.load_model(path)
    assert raised.value.code == code
    return str(raised.value)


def test_missing_and_surplus_weights_are_named(saved):
    def rename(entries, inner):
        entries["other"] = entries.pop("scale.scale")
        inner["hashes"]["other"] = inner["hashes"].pop("scale.scale")

    rewrite(saved, rename)

    assert "missing 'scale.scale', too many 'other'" in refused(saved, "weights-differ")


@pytest.mark.parametrize(
    ("entry", "words"),
    [({"shape": [3, 1]}, r"\(3,\) in the model, F32 \(3, 1\)"), ({"dtype": "I32"}, "in the model, I32")],
)
def test_weight_of_another_form_is_told(saved, entry, words):
    rewrite(saved, lambda entries, inner: entries["scale.scale"].update(entry))

    with pytest.raises(LoadError, match=rf"weight 'scale\.scale' is .*{words}") as raised:
        ck.load_model(saved)

    assert raised.value.code == "weights-differ"


def test_file_without_an_architecture_is_refused(saved):
    rewrite(saved, lambda entries, inner: inner.pop("architecture"))

    assert "holds weights without a model" in refused(saved, "weights-only")


def test_file_of_a_lone_layer_is_no_model(saved, scale_class):
    rewrite(saved, lambda entries, inner: inner.update(architecture=describe(scale_class())))

    assert "holds a Scale, which is no model" in refused(saved, "wrong-kind")


@pytest.mark.parametrize("frozen", [None, 3, {"scale.scale": 1}, [["scale.scale"]]])
def test_odd_list_of_frozen_weights_freezes_nothing(saved, frozen):
    rewrite(saved, lambda entries, inner: inner.update(frozen=frozen))

    assert all(weight.requires_grad for weight in ck.load_model(saved).parameters())


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None])
def test_odd_format_version_is_refused(saved, version):
    rewrite(saved, lambda entries, inner: inner.update(format=version))

    refused(saved, "newer-format")


@pytest.mark.parametrize("hashes", [None, [], {}, {"scale.scale": 3}])
def test_odd_hashes_are_refused(saved, hashes):
    rewrite(saved, lambda entries, inner: inner.update(hashes=hashes))

    refused(saved, "damaged")


def test_number_too_large_for_a_float_is_refused():
    with pytest.raises(LoadError, match="a number is too large"):
        files.strict_json(b'{"a": 1e999}', "file")


def test_folder_is_no_file(tmp_path):
    assert "cannot be opened" in refused(tmp_path, "not-found")


def test_keras_file_under_our_name_is_told_apart(tmp_path):
    file = tmp_path / "old.safetensors"
    file.write_bytes(b"PK\x03\x04" + b"\0" * 100)

    refused(file, "not-corekit")

"""Where weights lie in a Keras file: models count their layers by class, others are found by their attribute."""

import torch

import corekit as ck
from corekit.saving.keras_names import snake_case
from corekit.saving.keras_weights import is_ignored, places


class Inner(ck.Layer):
    def build(self, input_shape):
        self.state = self.add_weight(shape=(2,), trainable=False, name="state")
        self.weight = self.add_weight(shape=(3,), name="weight")
        self.register_buffer("passing", torch.zeros(1), persistent=False)

    def call(self, inputs):
        return inputs


class Outer(ck.Layer):
    def __init__(self):
        super().__init__()
        self.second, self.first = Inner(), Inner()
        self.many = torch.nn.ModuleList([Inner(), torch.nn.ReLU(), Inner()])

    def call(self, inputs):
        x = self.second(self.first(inputs))
        for part in self.many:
            x = part(x)
        return x


def row(*layers):
    return ck.Sequential([ck.Input((3,)), *layers])


def test_trainable_weights_come_before_state():
    assert places(row(Inner())) == {"inner.weight": "layers/inner/vars/0", "inner.state": "layers/inner/vars/1"}


def test_layers_are_counted_by_class():
    found = places(row(Inner(name="b"), row(Inner(name="x")), Inner(name="a")))

    assert {name: path for name, path in found.items() if name.endswith("weight")} == {
        "b.weight": "layers/inner/vars/0",
        "sequential.x.weight": "layers/sequential/layers/inner/vars/0",
        "a.weight": "layers/inner_1/vars/0",
    }


def test_layers_inside_a_layer_are_found_by_their_attribute():
    found = places(row(Outer()))

    assert {path for name, path in found.items() if name.endswith("weight")} == {
        "layers/outer/first/vars/0",
        "layers/outer/second/vars/0",
        "layers/outer/many/inner/vars/0",
        "layers/outer/many/inner_1/vars/0",
    }


def test_shared_layer_lies_where_it_is_met_first():
    shared = Inner(name="shared")
    x = ck.Input((3,))
    inner = ck.Model(x, shared(x))
    y = ck.Input((3,))
    model = ck.Model(y, shared(inner(y)))

    assert set(places(model).values()) == {
        "layers/functional/layers/inner/vars/0",
        "layers/functional/layers/inner/vars/1",
    }


def test_row_that_a_file_told_comes_before_our_own_order():
    a, b = Inner(name="a"), Inner(name="b")
    model = row(a, b)

    found = places(model, {id(model): [("Inner", b), ("Inner", a)]})

    assert found["b.weight"] == "layers/inner/vars/0"
    assert found["a.weight"] == "layers/inner_1/vars/0"


def test_deepest_layer_comes_first_whenever_it_was_called():
    x = ck.Input((3,))
    late, early, last = Inner(name="late"), Inner(name="early"), Inner(name="last")
    side = late(x)
    model = ck.Model(x, [side, last(early(x))])

    found = {name: path for name, path in places(model).items() if name.endswith("weight")}

    assert found == {  # early is two calls from an output, the others one; of these, late is met first
        "early.weight": "layers/inner/vars/0",
        "late.weight": "layers/inner_1/vars/0",
        "last.weight": "layers/inner_2/vars/0",
    }


def test_weights_of_a_bare_torch_module_have_no_place():
    model = ck.Sequential([ck.Input((3,)), torch.nn.Linear(3, 2), Inner()])

    assert set(places(model)) == {"inner.weight", "inner.state"}


def test_thousand_layers_are_placed():
    x = inputs = ck.Input((3,))
    for _ in range(1000):
        x = Inner()(x)

    found = places(ck.Model(inputs, x))

    assert len(found) == 2000
    assert found["inner_999.weight"] == "layers/inner_999/vars/0"


def test_generators_and_training_are_ignored():
    ignored = ["optimizer/vars/0", "layers/dropout/seed_generator/vars/0", "metrics/mean/vars/0"]

    assert all(map(is_ignored, ignored))
    assert not is_ignored("layers/metrics_layer/vars/0")


def test_names_are_written_as_keras_writes_them():
    names = ["Conv2D", "MaxPooling2D", "GRU", "MultiHeadAttention", "MyGRULayer", "Conv2DTranspose", "Ünit"]

    assert [snake_case(name) for name in names] == [
        "conv2d", "max_pooling2d", "gru", "multi_head_attention", "my_gru_layer", "conv2d_transpose", "ünit",
    ]  # fmt: skip

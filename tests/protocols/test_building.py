"""What a layer learns from its first call."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.protocols import building


class Attend(ck.Layer):
    def build(self, query_shape, value_shape, depth=2):
        self.seen = (query_shape, value_shape, depth)

    def call(self, query, value, scale=1.0):
        return query


@pytest.mark.parametrize(
    ("shape", "text"),
    [((None, 784), "(batch, 784)"), ((None, None, 3), "(batch, any, 3)"), ((5,), "(5,)"), ((None,), "(batch,)")],
)
def test_shape_is_written_for_people(shape, text):
    assert building.axis_sizes(shape) == text


def test_shape_opens_the_batch():
    assert building.shape_of(torch.ones(5, 3)) == (None, 3)


def test_number_has_an_empty_shape():
    assert building.shape_of(torch.tensor(1.0)) == ()


def test_what_is_no_tensor_has_no_shape():
    assert building.shape_of("word") is None


def test_build_gets_shapes_by_name():
    shapes = building.shapes_for_build(Attend(), (torch.ones(2, 3),), {"value": torch.ones(2, 4)})

    assert (shapes["query_shape"], shapes["value_shape"]) == ((None, 3), (None, 4))


def test_training_keyword_is_no_shape():
    shapes = building.shapes_for_build(Attend(), (torch.ones(2, 3), torch.ones(2, 4)), {"training": True})

    assert "training_shape" not in shapes


def test_default_of_build_stays():
    layer = Attend()

    layer(torch.ones(2, 3), torch.ones(2, 4))

    assert layer.seen == ((None, 3), (None, 4), 2)


def test_single_shape_may_have_any_name():
    class Odd(ck.Layer):
        def build(self, shape):
            self.seen = shape

        def call(self, features):
            return features

    layer = Odd()
    layer(features=torch.ones(2, 3))

    assert layer.seen == (None, 3)


def test_list_of_inputs_gives_a_list_of_shapes():
    class Merge(ck.Layer):
        def build(self, input_shape):
            self.seen = input_shape

        def call(self, inputs):
            return inputs[0]

    layer = Merge()
    layer([torch.ones(2, 3), torch.ones(2, 4)])

    assert layer.seen == [(None, 3), (None, 4)]


def test_remembered_tensor_is_shape_and_dtype():
    assert building.remembered(torch.ones(2, 3, dtype=torch.int32)) == ((None, 3), "int32")


def test_remembered_plain_value_is_itself():
    assert [building.remembered(value) for value in (True, 2, 0.5, "a", None, object())] == [
        True, 2, 0.5, "a", None, None,
    ]  # fmt: skip


def test_numpy_floats_become_floatx():
    assert building.as_tensor(np.ones(2)).dtype == torch.float32


def test_numpy_integers_stay_integers():
    assert building.as_tensor(np.ones(2, dtype="int16")).dtype == torch.int16


def test_meta_call_leaves_weights_alone():
    module = torch.nn.BatchNorm1d(3).train()

    result = building.call_on_meta(module, (torch.empty(2, 3, device="meta"),), {})

    assert result.is_meta
    assert module.num_batches_tracked.item() == 0
    assert module.running_mean.tolist() == [0.0] * 3


def test_filled_training_follows_the_flag():
    class Told(ck.Layer):
        def call(self, inputs, training=None):
            return training

    layer = Told()

    assert [layer(torch.ones(1)), layer.train()(torch.ones(1)), layer(torch.ones(1), training=False)] == [
        False, True, False,
    ]  # fmt: skip


def test_forward_gets_training_too():
    class Told(ck.Layer):
        def forward(self, inputs, training=None):
            return training

    assert Told()(torch.ones(1), training=True) is True


def test_mode_sets_the_whole_tree_and_goes_back():
    tree = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Identity().eval())

    with building.Mode(tree, False):
        inside = [module.training for module in tree.modules()]

    assert inside == [False] * 3
    assert [module.training for module in tree.modules()] == [True, True, False]


def test_mode_of_none_changes_nothing():
    tree = torch.nn.Identity()

    with building.Mode(tree, None):
        assert tree.training is True


@pytest.mark.parametrize("root", [lambda layer: layer, torch.nn.Sequential])
def test_loading_into_an_unbuilt_layer_says_so(root):
    layer = root(Attend())
    prefix = "" if isinstance(layer, ck.Layer) else "0."

    with pytest.raises(RuntimeError, match=r'"attend" is not built yet, so it has no weights: call it once'):
        layer.load_state_dict({f"{prefix}kernel": torch.ones(1)})


def test_loading_elsewhere_does_not_mention_unbuilt_layers():
    root = torch.nn.Sequential(torch.nn.Linear(1, 1), Attend())

    root.load_state_dict(root.state_dict())

    assert root[1].built is False

"""Penalties, added losses and constraints of a layer."""

import pytest
import torch

import corekit as ck
from corekit.errors import LayerError

ONES = torch.nn.init.ones_


class Affine(ck.Layer):
    def __init__(self, units=2, regularizer=None, constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.regularizer, self.constraint = units, regularizer, constraint

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer=ONES,
            regularizer=self.regularizer, constraint=self.constraint,
        )  # fmt: skip

    def call(self, inputs):
        return inputs @ self.kernel


class Stack(ck.Layer):
    def __init__(self, *layers):
        super().__init__()
        self.inner = torch.nn.ModuleList(layers)

    def call(self, inputs):
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs


def test_weight_penalty_is_a_loss():
    layer = Affine(3, regularizer=lambda w: 0.5 * w.square().sum())
    layer.build((None, 2))

    assert [loss.item() for loss in layer.losses] == [3.0]


def test_activity_penalty_is_per_sample():
    layer = Affine(activity_regularizer=torch.sum)

    output = layer(torch.ones(2, 4))

    assert [loss.item() for loss in layer.losses] == [output.sum().item() / 2]


def test_activity_penalty_covers_every_output():
    class Two(ck.Layer):
        def call(self, inputs):
            return [inputs, 2 * inputs]

    layer = Two(activity_regularizer=torch.sum)
    layer(torch.ones(2, 4))

    assert [loss.item() for loss in layer.losses] == [4.0, 8.0]


def test_added_loss_is_kept_until_cleared():
    class Adds(ck.Layer):
        def call(self, inputs):
            self.add_loss(inputs.sum())
            return inputs

    layer = Adds()
    layer(torch.ones(2))
    before = [loss.item() for loss in layer.losses]
    layer.clear_losses()

    assert (before, layer.losses) == ([2.0], [])


def test_drawing_adds_no_loss():
    layer = Affine(activity_regularizer=torch.sum)

    layer(ck.Input(shape=(4,)))

    assert layer.losses == []


def test_losses_of_inner_layers_count():
    layer = Stack(Affine(3, regularizer=torch.sum), Affine(1, activity_regularizer=torch.sum))

    layer(torch.ones(2, 4))

    assert [loss.item() for loss in layer.losses] == [12.0, 12.0]


def test_constraint_is_applied_on_demand():
    layer = Affine(3, constraint=lambda w: w.clamp(max=0.5))
    layer.build((None, 1))

    layer.constrain_weights()

    assert layer.kernel.tolist() == [[0.5] * 3]


def test_logits_without_a_method_are_told():
    with pytest.raises(LayerError, match=r"link_activation but no logits\(\)"):
        Affine().logits(torch.ones(2, 4))

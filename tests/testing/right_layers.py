"""Layers as they should be written: each seeded fault is one of them, right but for one thing."""

import torch

import corekit as ck


@ck.example((6, 4), factor=2.0, momentum=0.5)
@ck.example((4,))
class Centering(ck.Layer):
    """Center each feature with a moving mean, scale it, and add noise in training."""

    def __init__(self, factor=1.0, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.momentum = factor, momentum

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer=torch.nn.init.ones_, name="scale")
        self.mean = self.add_weight(
            shape=(input_shape[-1],), initializer=torch.nn.init.zeros_, trainable=False, name="mean"
        )

    def call(self, inputs, training=False):
        x = inputs + 0.1 * torch.rand_like(inputs) if training else inputs
        y = (x - self.mean.to(x.dtype)) * self.scale * self.factor
        if training and x.numel():
            with torch.no_grad():
                self.mean.lerp_(x.flatten(0, -2).mean(0).to(self.mean.dtype), 1 - self.momentum)
        return y


@ck.example((None, 4), factor=2.0)
@ck.example((4,), factor=0.5)
class Scaling(ck.Layer):
    """Scale and shift each feature."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer=torch.nn.init.ones_, name="scale")
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer=torch.nn.init.zeros_, name="shift")

    def call(self, inputs):
        return torch.tanh(inputs * self.scale * self.factor + self.shift)

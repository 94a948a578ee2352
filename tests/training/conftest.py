"""Small parts to train with, so that these tests need no plugin."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from corekit import Callback, Layer, Loss, Metric, Model, Optimizer, Sequential


def softmax(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=-1)


softmax.link = "softmax"


class Linear(Layer):
    def __init__(self, units, activation=None, *, regularizer=None, constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation
        self.regularizer, self.constraint = regularizer, constraint

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer=torch.nn.init.xavier_uniform_,
            regularizer=self.regularizer, constraint=self.constraint,
        )  # fmt: skip
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=torch.nn.init.zeros_)

    def logits(self, inputs):
        return inputs.to(self.kernel.dtype) @ self.kernel + self.bias

    def call(self, inputs):
        outputs = self.logits(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    @property
    def link_activation(self):
        return self.activation


class Drop(Layer):
    """Zeros half of its inputs in training, with torch's generator."""

    def call(self, inputs, training=False):
        return torch.nn.functional.dropout(inputs, 0.5, training)


class SquaredError(Loss):
    def call(self, y_true, y_pred):
        return (y_true - y_pred).square().mean(dim=-1)


class CrossEntropy(Loss):
    """Of one-hot labels; asks for logits unless it gets them anyway. Notes by which way it was called."""

    def __init__(self, from_logits: bool = False):
        super().__init__()
        self.logits_for = None if from_logits else "softmax"
        self.from_logits, self.ways = from_logits, set()

    def call(self, y_true, y_pred):
        self.ways.add("logits" if self.from_logits else "probabilities")
        logs = torch.log_softmax(y_pred, dim=-1) if self.from_logits else y_pred.clamp(1e-7, 1 - 1e-7).log()
        return -(y_true * logs).sum(dim=-1)

    def call_on_logits(self, y_true, logits):
        self.ways.add("fused")
        return -(y_true * torch.log_softmax(logits, dim=-1)).sum(dim=-1)


class Gap(Metric):
    """The mean absolute error."""

    def call(self, y_true, y_pred):
        return (y_true - y_pred).abs().mean(dim=-1)


class RowSum(Metric):
    """The mean of the predictions' sums: 1 where they are probabilities."""

    def call(self, y_true, y_pred):
        return y_pred.sum(dim=-1)


class Descent(Optimizer):
    """Plain gradient descent."""

    elementwise = True

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * grad)


class Heavy(Optimizer):
    """Gradient descent with a memory, so that there is state."""

    elementwise = True

    def init(self, param):
        return {"velocity": torch.zeros_like(param)}

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * state["velocity"].mul_(0.9).add_(grad) / (1 - 0.9 ** state["step"]))


class Diary(Callback):
    """Writes down each hook that is called, and with what."""

    def __init__(self):
        self.lines = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *args: self.lines.append((name, *args))


class Reads(TorchDispatchMode):
    """Counts, or refuses, what makes the host wait for the device."""

    waits = (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero, torch.ops.aten.equal, torch.ops.aten.item)

    def __init__(self, refuse: bool = False):
        super().__init__()
        self.refuse, self.count = refuse, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in self.waits:
            self.count += 1
            assert not self.refuse, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


class Hand:
    """What `fit` does with `SquaredError` and `Descent(0.1)`, written by hand."""

    @staticmethod
    def losses(model, x, y, weight=None):
        """The weighted squared error of each sample."""
        found = (y - model(x)).square().mean(dim=-1)
        return found if weight is None else found * weight

    @classmethod
    def step(cls, model, x, y, weight=None):
        """Make one step of gradient descent; return the sum of the samples' losses."""
        found = cls.losses(model, x, y, weight)
        grads = torch.autograd.grad(found.mean(), list(model.parameters()))
        with torch.no_grad():
            for param, grad in zip(model.parameters(), grads, strict=True):
                param.sub_(0.1 * grad)
        return found.mean().item() * len(x)

    @classmethod
    def train(cls, model, x, y, weight=None, *, epochs=1, size=4):
        """Train in the given order; return each epoch's mean loss."""
        weights = [None] * len(x) if weight is None else weight.split(size)
        batches = list(zip(x.split(size), y.split(size), weights, strict=False))
        return [sum(cls.step(model, *batch) for batch in batches) / len(x) for _ in range(epochs)]

    @staticmethod
    def same_weights(a, b):
        """Whether two models agree bit for bit."""
        return all(torch.equal(v, w) for v, w in zip(a.parameters(), b.parameters(), strict=True))

    @staticmethod
    def near(value):
        """A logged loss is a mean of means times counts, which rounds a few times more than a plain one."""
        return pytest.approx(value, rel=1e-6)


@pytest.fixture
def hand() -> type[Hand]:
    """Training by hand, to compare with."""
    return Hand


@pytest.fixture
def parts() -> SimpleNamespace:
    """The classes above by name."""
    found = (Linear, Drop, SquaredError, CrossEntropy, Gap, RowSum, Descent, Heavy, Diary, Reads)
    return SimpleNamespace(softmax=softmax, **{part.__name__: part for part in found})


@pytest.fixture
def regression() -> tuple[Tensor, Tensor]:
    """10 samples of 4 features, and 2 targets each."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(10, 4, generator=generator), torch.randn(10, 2, generator=generator)


@pytest.fixture
def make_model():
    """Return `make(**compile_arguments)`: a compiled Sequential of 4 -> 5 -> 2, the same weights each time."""

    def make(*layers, seed=0, **kwargs) -> Sequential:
        torch.manual_seed(seed)
        layers = layers or (Linear(5, torch.tanh), Linear(2))
        model = Sequential(layers)
        model.build((None, 4))
        model.compile(**{"optimizer": Descent(0.1), "loss": SquaredError(), **kwargs})
        return model

    return make


@pytest.fixture
def two_headed():
    """Return `make(**compile_arguments)`: a compiled model of one input with outputs "left" (2) and "right" (1)."""

    def make(**kwargs) -> Model:
        from corekit import Input

        torch.manual_seed(0)
        inputs = Input(shape=(4,))
        hidden = Linear(5, torch.tanh)(inputs)
        model = Model(inputs, [Linear(2, name="left")(hidden), Linear(1, name="right")(hidden)])
        model.compile(**{"optimizer": Descent(0.1), "loss": SquaredError(), **kwargs})
        return model

    return make

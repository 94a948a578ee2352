"""Clipping, accumulation, averages and loss scales of every optimizer are Keras's, at each of twenty passes."""

import numpy as np
import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD

OPTIMIZERS = {
    "SGD": (SGD, {"learning_rate": 0.05, "momentum": 0.9}),
    "Adam": (Adam, {"learning_rate": 0.01}),
    "RMSprop": (RMSprop, {"learning_rate": 0.01}),
}
FEATURES = {
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 1.0},
    "global_clipnorm_unreached": {"global_clipnorm": 1000.0},
    "ema": {"use_ema": True, "ema_momentum": 0.8},
    "ema_overwriting": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 4},
    "loss_scale": {"loss_scale_factor": 64.0},
    "everything": {
        "global_clipnorm": 0.7,
        "use_ema": True,
        "ema_momentum": 0.9,
        "ema_overwrite_frequency": 2,
        "gradient_accumulation_steps": 3,
        "loss_scale_factor": 2.0,
        "weight_decay": 0.1,
    },
}
SHAPES = {"kernel": (5, 4), "bias": (4,), "scale": ()}
STEPS = 20
SCRIPT = f"""
shapes = {list(SHAPES)!r}
for optimizer_name, kwargs in { ({name: kwargs for name, (_, kwargs) in OPTIMIZERS.items()})!r}.items():
    for feature, settings in {FEATURES!r}.items():
        weights = [keras.Variable(globals()[name], name=name) for name in shapes]
        optimizer = getattr(keras.optimizers, optimizer_name)(**kwargs, **settings)
        passes = []
        for step in range({STEPS}):
            grads = [keras.ops.convert_to_tensor(globals()[name + "_grads"][step]) for name in shapes]
            optimizer.apply(grads, weights)
            passes.append(np.concatenate([np.ravel(keras.ops.convert_to_numpy(weight)) for weight in weights]))
        optimizer.finalize_variable_values(weights)
        passes.append(np.concatenate([np.ravel(keras.ops.convert_to_numpy(weight)) for weight in weights]))
        result[optimizer_name + "." + feature] = np.stack(passes)
        result[optimizer_name + "." + feature + ".iterations"] = np.array(int(optimizer.iterations))

for steps in (None, 4):
    weight = keras.Variable(np.zeros(1, "float32"))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=5, decay_rate=0.5)
    optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=steps)
    passes = []
    for step in range({STEPS}):
        optimizer.apply([keras.ops.ones(1)], [weight])
        passes.append(np.array(keras.ops.convert_to_numpy(weight)))
    result["scheduled." + str(steps)] = np.stack(passes)
"""


def arrays():
    rng = np.random.default_rng(0)
    starts = {name: rng.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
    grads = {name + "_grads": rng.normal(size=(STEPS, *shape)).astype("float32") for name, shape in SHAPES.items()}
    return {**starts, **grads}


@pytest.fixture(scope="module")
def keras_says(keras_oracle):
    return keras_oracle(SCRIPT, **arrays())


def together(weights):
    return torch.cat([weight.detach().reshape(-1) for weight in weights]).numpy()


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_pass_matches_keras(name, feature, keras_says):
    cls, kwargs = OPTIMIZERS[name]
    given = arrays()
    weights = [torch.nn.Parameter(torch.tensor(given[shape])) for shape in SHAPES]
    optimizer = cls(**kwargs, **FEATURES[feature]).bind(weights)

    passes = []
    for step in range(STEPS):
        optimizer.apply([torch.tensor(given[shape + "_grads"][step]) for shape in SHAPES])
        passes.append(together(weights))
    optimizer.finalize_variable_values(weights)
    passes.append(together(weights))

    # float32 rounds at 6e-8 of a weight of about 1 in each of twenty steps
    np.testing.assert_allclose(passes, keras_says[f"{name}.{feature}"], rtol=1e-5, atol=1e-5)
    assert optimizer.iterations == keras_says[f"{name}.{feature}.iterations"]


@pytest.mark.parametrize("steps", [None, 4])
def test_schedule_counts_passes_as_keras_does(steps, keras_says):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = SGD(lambda done: 0.1 * 0.5 ** (done / 5), gradient_accumulation_steps=steps).bind([weight])

    passes = []
    for _ in range(STEPS):
        optimizer.apply([torch.ones(1)])
        passes.append(together([weight]))

    np.testing.assert_allclose(passes, keras_says[f"scheduled.{steps}"], rtol=1e-5, atol=1e-6)

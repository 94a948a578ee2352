"""Twenty steps of every variant end where Keras's end."""

import numpy as np
import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD

CLASSES = {"SGD": SGD, "Adam": Adam, "RMSprop": RMSprop}
CASES = {
    "sgd": ("SGD", {}, []),
    "sgd_momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}, []),
    "sgd_nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}, []),
    "sgd_decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.1}, ["bias"]),
    "adam": ("Adam", {}, []),
    "adam_betas": ("Adam", {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}, []),
    "adam_amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True}, []),
    "adam_decay": ("Adam", {"learning_rate": 0.01, "weight_decay": 0.2}, ["bias", "sca"]),
    "rmsprop": ("RMSprop", {}, []),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.7}, []),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-4}, []),
    "rmsprop_all": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "centered": True, "weight_decay": 0.1}, []),
}
SHAPES = {"kernel": (5, 4), "bias": (4,), "scale": ()}
STEPS = 20
SCRIPT = f"""
for case, (cls, kwargs, excluded) in {CASES!r}.items():
    weights = [keras.Variable(globals()[name], name=name) for name in {list(SHAPES)!r}]
    optimizer = getattr(keras.optimizers, cls)(**kwargs)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    for step in range({STEPS}):
        grads = [keras.ops.convert_to_tensor(globals()[name + "_grads"][step]) for name in {list(SHAPES)!r}]
        optimizer.apply(grads, weights)
    for weight in weights:
        result[case + "." + weight.name] = weight.value
"""


def arrays():
    rng = np.random.default_rng(0)
    starts = {name: rng.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
    grads = {name + "_grads": rng.normal(size=(STEPS, *shape)).astype("float32") for name, shape in SHAPES.items()}
    return {**starts, **grads}


@pytest.fixture(scope="module")
def keras_says(keras_oracle):
    return keras_oracle(SCRIPT, **arrays())


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_match_keras(case, keras_says):
    cls, kwargs, excluded = CASES[case]
    given = arrays()
    weights = {name: torch.nn.Parameter(torch.tensor(given[name])) for name in SHAPES}
    optimizer = CLASSES[cls](**kwargs)
    optimizer.exclude_from_weight_decay(var_names=excluded)

    optimizer.bind(weights.items())
    for step in range(STEPS):
        optimizer.apply([torch.tensor(given[name + "_grads"][step]) for name in SHAPES])

    for name, weight in weights.items():
        np.testing.assert_allclose(weight.detach().numpy(), keras_says[f"{case}.{name}"], rtol=1e-5, atol=1e-5)

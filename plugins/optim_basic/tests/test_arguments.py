"""Bad arguments are refused where the optimizer is made, in words that say what to write."""

import pytest
import torch
from corekit_optim_basic.adam import Adam
from corekit_optim_basic.rmsprop import RMSprop
from corekit_optim_basic.sgd import SGD

from corekit.errors import ArgumentError, ArgumentTypeError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Adam(learning_rate="fast"), "Adam(learning_rate='fast'): expected a number, or a schedule"),
        (lambda: Adam(beta_1="0.9"), "Adam(beta_1='0.9'): expected a number"),
        (lambda: SGD(momentum=None), "SGD(momentum=None): expected a number"),
        (lambda: RMSprop(epsilon=True), "RMSprop(epsilon=True): expected a number"),
        (lambda: SGD(weight_decay="small"), "SGD(weight_decay='small'): expected a number"),
        (lambda: Adam(betas=(0.9, 0.99)), "there is no such argument.  Did you mean beta"),
        (lambda: SGD(learnig_rate=1.0), "Did you mean learning_rate=...?"),
        (lambda: SGD([torch.zeros(1)], 0.1), "write names after params: lr=0.1"),
    ],
)
def test_wrong_type_is_named(make, words):
    with pytest.raises(ArgumentTypeError) as error:
        make()

    assert words in str(error.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD(momentum=-1), "SGD(momentum=-1): expected a number, from 0 to less than 1"),
        (lambda: Adam(beta_2=1.0), "Adam(beta_2=1.0): expected a number, from 0 to less than 1"),
        (lambda: Adam(learning_rate=-0.1), "Adam(learning_rate=-0.1)"),
        (lambda: RMSprop(rho=float("nan")), "RMSprop(rho=nan)"),
        (lambda: SGD(weight_decay=-1e-4), "SGD(weight_decay=-0.0001)"),
        (lambda: SGD([{"params": [torch.zeros(1)], "momentum": 0.9}]), "only lr and weight_decay may differ"),
    ],
)
def test_number_out_of_range_is_named(make, words):
    with pytest.raises(ArgumentError) as error:
        make()

    assert words in str(error.value)

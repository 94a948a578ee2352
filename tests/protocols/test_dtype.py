"""Floating-point settings."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError
from corekit.protocols import dtype as settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings that are forgotten after the test."""
    monkeypatch.setattr(settings, "_settings", dict(settings._settings))
    return


def test_floatx_is_float32():
    assert ck.config.floatx() == "float32"


def test_set_floatx_changes_new_layers():
    ck.config.set_floatx("float64")

    assert ck.Layer().dtype == torch.float64


@pytest.mark.parametrize("value", ["int32", "float", "double", 32])
def test_set_floatx_refuses_other_words(value):
    with pytest.raises(ArgumentError, match='expected "float16", "bfloat16", "float32" or "float64"'):
        ck.config.set_floatx(value)


def test_epsilon_is_that_of_keras():
    assert ck.config.epsilon() == 1e-7


def test_set_epsilon_is_remembered():
    ck.config.set_epsilon(1e-5)

    assert ck.config.epsilon() == 1e-5


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, torch.float32),
        ("float16", torch.float16),
        ("torch.bfloat16", torch.bfloat16),
        (torch.int8, torch.int8),
        (np.dtype("float64"), torch.float64),
    ],
)
def test_dtype_comes_from_its_name(given, expected):
    assert settings.as_dtype(given) is expected


@pytest.mark.parametrize("given", ["float31", "nn", "", 5])
def test_unknown_dtype_shows_what_to_write(given):
    with pytest.raises(ArgumentError, match=r'is not a dtype that torch knows.*dtype="float32"'):
        settings.as_dtype(given)


def test_name_of_a_dtype_is_short():
    assert settings.dtype_name(torch.bfloat16) == "bfloat16"

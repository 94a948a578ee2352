"""What a file gives a class is compared with the class's annotations before its constructor runs."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.model.wrap import layer_class
from corekit.protocols.configurable import POSITIONAL, Configurable
from corekit.protocols.schema import fits, misfit, schema_of

if TYPE_CHECKING:
    from somewhere import OnlyForCheckers  # type: ignore[import-not-found]


class Shaped(Protocol):
    shape: tuple[int, ...]


def part(x):
    return x


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (3, int), (3.0, int), (np.int64(3), int), (True, bool), (0, bool), (3, float), (np.float32(0.5), float),
        (torch.tensor(0.5), float), ("a", str), (None, None), (None, int | None), ([1, 2], tuple[int, int]),
        ((1, 2), list[int]), ((), Sequence[int]), ([1, "a"], tuple[int, str]), ((1, 2, 3), tuple[int, ...]),
        ({"a": 1}, dict[str, int]), ({"a": 1}, Mapping[str, float]), ({}, dict), ("same", Literal["same", "valid"]),
        (part, Callable[[torch.Tensor], torch.Tensor]), (torch.float16, torch.dtype), (np.ones(2), torch.Tensor),
        (torch.ones(2), np.ndarray), (5, Annotated[int, "positive"]), (object(), Shaped), (object(), Any),
        ("anything", "a text that is no type"),
    ],
)  # fmt: skip
def test_value_fits_its_annotation(value: Any, hint: Any) -> None:
    assert fits(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", int), (3.5, int), (None, int), ("yes", bool), (0.5, bool), ("1", float), (1j, float), (3, str),
        ([1], str), (0, None), ("ab", tuple[str, str]), ("ab", Sequence[str]), ([1, 2, 3], tuple[int, int]),
        ([1, "a"], list[int]), ({"a": "b"}, dict[str, int]), ([("a", 1)], dict), ("full", Literal["same", "valid"]),
        (True, Literal[1, 2]), ("relu", Callable[[torch.Tensor], torch.Tensor]), ("float16", torch.dtype),
        ([1.0], torch.Tensor), (torch.ones(2), float), ("a", int | tuple[int, int]), (5, Annotated[str, "name"]),
    ],
)  # fmt: skip
def test_value_of_another_sort_does_not(value: Any, hint: Any) -> None:
    assert not fits(value, hint)


class Conv(ck.Layer):
    def __init__(self, filters: int, kernel: int | tuple[int, int] = 3, *, rate: float = None, **kwargs: Any) -> None:  # noqa: RUF013 - as many write it
        super().__init__(**kwargs)


class Wide(Conv):
    def __init__(self, width: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize(
    ("cls", "config", "fault"),
    [
        (Conv, {"filters": 4, "kernel": [3, 3], "name": "c", "dtype": "float64", "trainable": False}, None),
        (Conv, {"filters": 4, "rate": None}, None),
        (Conv, {"filters": "4"}, "Conv(filters='4'): expected int."),
        (Conv, {"filters": 4, "kernel": "3"}, "Conv(kernel='3'): expected int | tuple[int, int]."),
        (Conv, {"filters": 4, "name": 5}, "Conv(name=5): expected str | None."),
        (Conv, {"filters": 4, "strides": 1}, "Conv(strides=1): there is no such argument."),
        (Wide, {"width": "w", "filters": 4}, None),
        (Wide, {"width": 3}, "Wide(width=3): expected str."),
        (Wide, {"width": "w", "filters": []}, "Wide(filters=[]): expected int."),
        (Wide, {"width": "w", "strides": 1}, "Wide(strides=1): there is no such argument."),
        (Wide, {POSITIONAL: [3]}, "Wide(width=3): expected str."),
    ],
)
def test_arguments_are_looked_up_through_the_classes_above(cls: Any, config: Any, fault: str | None) -> None:
    assert misfit(cls, config) == fault


def test_wrapped_module_takes_its_own_arguments_and_those_of_layers() -> None:
    linear: Any = layer_class(torch.nn.Linear, "Linear")

    assert misfit(linear, {"in_features": 3, "out_features": 2, "name": "l"}) is None
    assert misfit(linear, {POSITIONAL: [3, 2]}) is None
    assert misfit(linear, {POSITIONAL: [3, "2"]}) == "Linear(out_features='2'): expected int."
    assert misfit(linear, {"in_features": 3, "units": 2}) == "Linear(units=2): there is no such argument."


def test_wrapped_module_may_have_its_constructor_from_above() -> None:
    dropout: Any = layer_class(torch.nn.Dropout, "Dropout")

    assert misfit(dropout, {"p": 0.5, "name": "d"}) is None
    assert misfit(dropout, {"module": 0.5}) == "Dropout(module=0.5): there is no such argument."


def test_class_that_reads_its_data_itself_is_asked_nothing() -> None:
    class Own(Conv):
        @classmethod
        def from_config(cls, config: Any) -> Any:
            return cls(int(config["filters"]))

    assert misfit(Own, {"filters": "4", "more": 1}) is None


def test_class_without_a_constructor_takes_nothing() -> None:
    class Bare(Configurable):
        pass

    assert misfit(Bare, {}) is None
    assert misfit(Bare, {"a": 1}) == "Bare(a=1): there is no such argument."


def test_class_that_swallows_the_rest_takes_anything() -> None:
    class Open(Configurable):
        def __init__(self, size: int, **settings: Any) -> None:
            pass

    assert misfit(Open, {"size": 1, "colour": "red"}) is None
    assert not schema_of(Open).is_closed


def test_annotation_that_cannot_be_read_says_nothing() -> None:
    class Odd(Configurable):
        def __init__(self, a: "OnlyForCheckers", b: "3 +" = 0, c: int = 0) -> None:  # type: ignore  # noqa: F722
            pass

    assert misfit(Odd, {"a": "anything", "b": []}) is None
    assert misfit(Odd, {"a": 1, "c": "d"}) == "Odd(c='d'): expected int."


def test_annotations_of_our_own_classes_allow_their_defaults() -> None:
    from corekit.registry import registry

    for component in registry.components():
        value = registry.attribute(component.kind, component.id)
        if isinstance(value, type) and issubclass(value, Configurable) and "corekit" in value.__module__:
            for name, field in schema_of(value).fields.items():
                if field.default is not inspect.Parameter.empty:
                    assert fits(field.default, field.hint), (component.id, name)

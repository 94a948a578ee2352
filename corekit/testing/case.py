"""A component, one way to make it, and input for it: what each check of the kit is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError
from corekit.model.wrap import layer_class
from corekit.protocols.example import Example, Values, examples_of, known_failures_of
from corekit.registry import registry
from corekit.registry.component import LOCAL, Component, canonical

BATCH = 3
FREE = 5
_BATCHED = ("layers", "losses", "metrics")


@dataclass(frozen=True)
class Subject:
    """A component under test.

    Args:
        kind: "layers", "optimizers" and so on.
        id: "distribution:Name".
        value: the class or function.
        examples: with what it is tried.
        known_failures: checks that its author declares to fail, with the reasons.
        where: the function that imports it in another process, as "module:name"; "" where there is none.
    """

    kind: str
    id: str
    value: Any
    examples: tuple[Example, ...]
    known_failures: dict[str, str] = field(default_factory=dict)
    where: str = ""

    @property
    def name(self) -> str:
        """The id without the distribution."""
        return self.id.rpartition(":")[2]

    @property
    def cases(self) -> list[Case]:
        """One for each example."""
        return [Case(self, example) for example in self.examples]

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"


@dataclass(frozen=True)
class Case:
    """A component, one way to make it, and input for it."""

    subject: Subject
    example: Example

    @property
    def name(self) -> str:
        """The component's name."""
        return self.subject.name

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments, or a function's keywords."""
        return dict(self.example.arguments)

    def make(self, **more: Any) -> Any:
        """Return a new object; a torch module class becomes a Layer, as in a Sequential."""
        value = self.subject.value
        if self.subject.kind == "layers":
            value = layer_class(value, self.name)
        return value(**{**self.example.arguments, **more})

    def inputs(
        self,
        dtype: torch.dtype = torch.float32,
        *,
        batch: int = BATCH,
        free: int = FREE,
        seed: int = 1,
        device: str = "cpu",
        requires_grad: bool = False,
    ) -> tuple[Any, ...]:
        """Draw what it is called with: equal for equal arguments, whatever the state of torch's generator.

        Args:
            dtype: of what is no whole number.
            batch: how many samples.
            free: size of axes that may have any; the second axis of the batch has it, the next one more, and so on.
            seed: of the numbers.
            device: where the tensors are.
            requires_grad: whether gradients reach what is no whole number.
        """
        generator = torch.Generator("cpu").manual_seed(seed)
        lead = (batch,) if self.subject.kind in _BATCHED else ()
        draw = _Draw(dtype, lead, free, generator, device, requires_grad)
        return tuple(_drawn(spec, draw) for spec in self.example.inputs)

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.example.arguments.items())
        lead = ("batch",) if self.subject.kind in _BATCHED else ()
        shapes = ", ".join(_shown(spec, lead) for spec in self.example.inputs)
        return f"{self.name}({arguments})" + (f" on {shapes}" if shapes else "")


def leaves(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dicts, in their order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [leaf for one in value for leaf in leaves(one)] if isinstance(value, Iterable) else []


def subject_of(value: Any, kind: str, *, examples: Iterable[Example] = ()) -> Subject:
    """Return a class or function of this program as something to check.

    Args:
        value: the class or function.
        kind: "layers" and so on.
        examples: in place of those that are declared.
    """
    given = tuple(examples) or examples_of(value) or _inferred(kind, value)
    return Subject(kind, f"{LOCAL}:{value.__name__}", value, given, known_failures_of(value))


def subjects_of(distribution: str) -> list[Subject]:
    """Return the components of an installed distribution; each is imported.

    Raises:
        ArgumentError: no such distribution, or it offers nothing.
        BrokenPluginError: one cannot be imported.
    """
    mine = components_of(canonical(distribution))
    if not mine:
        raise ArgumentError(
            f'no installed distribution "{distribution}" offers components.\n'
            "  `corekit list` shows those that do; a plugin in development is installed with  pip install --editable ."
        )
    return [installed(component) for component in mine]


def components_of(distribution: str) -> list[Component]:
    """Return what a distribution offers by entry points and by hooks, which are run for it; nothing else is imported.

    Args:
        distribution: its canonical name.
    """
    registry.kinds_of(f"{distribution}:-")  # no name has this form, so its hook modules are loaded to see
    return [component for component in registry.components() if component.distribution == distribution]


def installed(component: Component) -> Subject:
    """Return an installed component, imported, as something to check."""
    value = registry.load(component)
    examples = examples_of(value) or _inferred(component.kind, value)
    where = "" if component.value is not None else component.targets[component.name]
    return Subject(component.kind, component.id, value, examples, known_failures_of(value), where)


@dataclass(frozen=True)
class _Draw:
    """How inputs are drawn; see `Case.inputs`."""

    dtype: torch.dtype
    lead: tuple[int, ...]
    free: int
    generator: torch.Generator
    device: str
    requires_grad: bool


def _drawn(spec: Any, how: _Draw) -> Any:
    if isinstance(spec, list):
        return [_drawn(one, how) for one in spec]
    low, high = float(spec.low), float(spec.high)
    shape = (*how.lead, *(how.free + axis if size is None else size for axis, size in enumerate(spec.shape)))
    drawn = low + (high - low) * torch.rand(shape, generator=how.generator, dtype=torch.float64, device="cpu")
    if spec.dtype is not None:
        return drawn.floor().to(getattr(torch, spec.dtype)).to(how.device)
    return drawn.to(how.dtype).to(how.device).requires_grad_(how.requires_grad)


def _shown(spec: Any, lead: tuple[Any, ...]) -> str:
    if isinstance(spec, list):
        return "[" + ", ".join(_shown(one, lead) for one in spec) + "]"
    sizes = ("any" if size is None else str(size) for size in spec.shape)
    return "(" + ", ".join((*lead, *sizes)) + ("," if len(lead) + len(spec.shape) == 1 else "") + ")"


_BETWEEN = Values((3,), low=0.1, high=0.9)
_PLAIN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "layers": ((Values((8,)),), (Values((6, 8)),), (Values((8, 8, 3)),)),
    "losses": ((_BETWEEN, _BETWEEN),),
    "metrics": ((_BETWEEN, _BETWEEN),),
    "activations": ((Values((4, 3), low=-3, high=3),),),
    "regularizers": ((Values((4, 3)),),),
    "constraints": ((Values((4, 3), low=-2, high=2),),),
    "optimizers": ((),),
    "initializers": ((),),
    "callbacks": ((),),
    "schedules": ((),),
}
"""What a component without examples is tried with: the first of these that it takes."""

_TENSORS_OF = {"activations": 1, "losses": 2, "metrics": 2}
"""How many arguments of a function are what it is called with."""


def _inferred(kind: str, value: Any) -> tuple[Example, ...]:
    """Return an example of what needs none declared: nothing has to be given, and a plain input is taken."""
    if _needs_arguments(value, kind):
        return ()
    for inputs in _PLAIN.get(kind, ()):
        case = Case(Subject(kind, f"{LOCAL}:tried", value, ()), Example(inputs))
        if kind == "optimizers":
            return (case.example,)
        try:
            called = case.make() if isinstance(value, type) else value
            if inputs:
                called(*case.inputs())
        except Exception:  # it does not take this input; the next one, or none
            continue
        return (case.example,)
    return ()


def _needs_arguments(value: Any, kind: str) -> bool:
    """Return whether something has to be given to make it; a function's tensor does not count."""
    made: Callable[..., Any] = value
    try:
        parameters = list(inspect.signature(made).parameters.values())
    except ValueError:  # a function in C, such as torch.tanh, that does not tell
        return False
    if not isinstance(value, type):
        parameters = parameters[_TENSORS_OF.get(kind, 0) :]
    elif issubclass(value, torch.optim.Optimizer):
        parameters = parameters[1:]  # the weights, which every check brings
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(one.default is one.empty and one.kind not in fixed for one in parameters)

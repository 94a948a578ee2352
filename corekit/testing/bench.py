"""What `corekit bench` runs in a process of its own: a component and a rival, first for equal results, then for time.

    python -m corekit.testing.bench < REQUEST > ANSWER

Both are JSON; `compare` says what is in them. Where results differ, no time is measured: a fast wrong answer is no
rival.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError, CorekitError
from corekit.protocols.example import Example, Values
from corekit.registry import registry
from corekit.testing.case import Case, Subject, leaves, subject_of
from corekit.testing.op_calls import reference_of

ROUND = 5e-3
"""Seconds that one side of a round takes at least."""

NUM_TENSORS = 16
DEFAULT_TENSOR = (64, 64)
Call = Callable[[], Any]


def compare(request: dict[str, Any]) -> dict[str, Any]:
    """Return how two components differ in results, and where they do not, in time.

    Args:
        request: "kind", "id", "against" (an id, "module:name", or "" for the op's own `reference`), "arguments" and
            "rival_arguments" (None: the example's), "shapes" (whole ones, or []), "batch", "dtype", "device",
            "rounds", "tolerance".

    Raises:
        ArgumentError: one of them cannot be made or called.
    """
    ours = _subject(request["kind"], request["id"], request["arguments"], request["shapes"])
    rival = _subject(request["kind"], request["against"] or _reference(ours), request["rival_arguments"], [])
    if request["rival_arguments"] is None and not _is_foreign(
        request["against"]
    ):  # another component has the same words
        rival = Subject(rival.kind, rival.id, rival.value, ours.examples)
    measured = {"layers": _layers, "ops": _ops, "optimizers": _optimizers}[request["kind"]]
    told, difference, works = measured(ours, rival, request)
    answer = {
        "on": told,
        "difference": difference,
        "equal": difference <= request["tolerance"],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "times": {},
    }
    if answer["equal"]:
        answer["times"] = {what: race(*pair, request["rounds"], request["device"]) for what, pair in works.items()}
    return answer


def race(ours: Call, rival: Call, rounds: int, device: str = "cpu") -> dict[str, Any]:
    """Time two calls in turns, each first in every second round.

    Returns:
        Medians in microseconds, and of the ratios of the rounds ours / rival: median and quartiles.
    """
    number = max(_enough(ours, device), _enough(rival, device))
    pairs = []
    for round_ in range(rounds):
        if round_ % 2:
            second = _timed(rival, number, device)
            first = _timed(ours, number, device)
        else:
            first, second = _timed(ours, number, device), _timed(rival, number, device)
        pairs.append((first, second))
    low, middle, high = statistics.quantiles([first / second for first, second in pairs], n=4)
    return {
        "ours_us": 1e6 * statistics.median(first for first, _ in pairs),
        "rival_us": 1e6 * statistics.median(second for _, second in pairs),
        "ratio": middle,
        "quartiles": [low, high],
        "calls": number,
        "rounds": rounds,
    }


def _timed(call: Call, number: int, device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    for _ in range(number):
        call()
    _wait(device)
    return (time.perf_counter() - start) / number


def _enough(call: Call, device: str) -> int:
    """Return how many calls fill a round, after a warm-up."""
    for _ in range(3):
        call()
    once = _timed(call, 3, device)
    return max(1, min(10_000, int(ROUND / max(once, 1e-9))))


def _wait(device: str) -> None:
    if torch.device(device).type != "cpu":
        torch.accelerator.synchronize()


def _layers(ours: Subject, rival: Subject, request: dict[str, Any]) -> tuple[str, float, dict[str, tuple[Call, Call]]]:
    case = Case(ours, ours.examples[0])
    inputs = _inputs(case, request)
    layers = []
    for subject in (ours, rival):
        layer = _made(Case(subject, subject.examples[0])).to(request["device"]).eval()
        layer(*inputs)  # builds it
        layers.append(layer.to(request["device"], getattr(torch, request["dtype"])))
    first, second = layers
    with torch.no_grad():
        for number, weight in enumerate(first.parameters()):  # or a rival that ignores zeros and ones would be equal
            noise = torch.rand(weight.shape, generator=torch.Generator().manual_seed(number))
            weight.add_(0.1 * noise.to(weight.device, weight.dtype))
    difference = float("inf")
    for _ in _same_weights(first, second):
        difference = _apart(first, second, inputs)
        if difference <= request["tolerance"]:
            break
    return _shown(case, inputs), difference, _both_ways(first, second, inputs)


def _made(case: Case) -> Any:
    try:
        return case.make()
    except TypeError as error:
        raise ArgumentError(
            f"{case} cannot be made: {error}\n"
            """  Give its arguments:  --args JSON, or of the rival:  --rival-args '{"name": value}'"""
        ) from error


def _ops(ours: Subject, rival: Subject, request: dict[str, Any]) -> tuple[str, float, dict[str, tuple[Call, Call]]]:
    case = Case(ours, ours.examples[0])
    inputs = _inputs(case, request)

    def called(subject: Subject) -> Callable[..., Any]:
        return lambda *given: subject.value(*given, **subject.examples[0].arguments)

    first, second = called(ours), called(rival)
    return _shown(case, inputs), _apart(first, second, inputs), _both_ways(first, second, inputs)


def _apart(first: Callable[..., Any], second: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Return the largest difference of outputs and of the gradients of the inputs."""
    found = []
    for call in (first, second):
        given = _with_gradients(inputs)
        outputs = leaves(call(*given))
        _backward(outputs)
        found.append([*(one.detach() for one in outputs), *(x.grad for x in leaves(given) if x.grad is not None)])
    return _difference(*found)


def _with_gradients(inputs: Any) -> Any:
    if isinstance(inputs, (list, tuple)):
        return type(inputs)(_with_gradients(one) for one in inputs)
    return inputs.detach().clone().requires_grad_(inputs.is_floating_point())


def _backward(outputs: list[Tensor]) -> None:
    derived = [one for one in outputs if one.requires_grad]
    if derived:
        torch.autograd.backward([(one * one).sum() for one in derived])


def _both_ways(
    first: Callable[..., Any], second: Callable[..., Any], inputs: tuple[Any, ...]
) -> dict[str, tuple[Call, Call]]:
    """Return the calls to time: forward without gradients, and forward with backward where there are gradients."""
    with_grad = _with_gradients(inputs)

    def forward(call: Callable[..., Any]) -> Call:
        def run() -> None:
            with torch.no_grad():
                call(*inputs)

        return run

    def backward(call: Callable[..., Any]) -> Call:
        return lambda: _backward(leaves(call(*with_grad)))

    works = {"forward": (forward(first), forward(second))}
    if any(one.requires_grad for call in (first, second) for one in leaves(call(*with_grad))):
        works["forward + backward"] = (backward(first), backward(second))
    return works


def _optimizers(
    ours: Subject, rival: Subject, request: dict[str, Any]
) -> tuple[str, float, dict[str, tuple[Call, Call]]]:
    shapes = [tuple(shape) for shape in request["shapes"]] or [DEFAULT_TENSOR] * NUM_TENSORS
    dtype, device = getattr(torch, request["dtype"]), request["device"]
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]
    grads = [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]
    grads = [
        grad.sign() * (0.1 + grad.abs()) for grad in grads
    ]  # near 0 it is epsilon that decides, and each has its own
    steps, results = [], []
    for subject in (ours, rival):
        params = [torch.nn.Parameter(one.clone()) for one in start]
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad.clone()
        made = subject.value(params, **subject.examples[0].arguments)  # torch's way, which ours take too
        for _ in range(3):
            made.step()
        steps.append(made.step)
        results.append([param.detach().clone() for param in params])
    told = f"{len(shapes)} tensors, {sum(one.numel() for one in start):,} numbers, {request['dtype']} on {device}"
    return told, _difference(results[0], results[1]), {"step": (steps[0], steps[1])}


def _same_weights(ours: torch.nn.Module, rival: torch.nn.Module) -> Any:
    """Give the rival our weights, in their order: as they are, then with matrices transposed, as torch has them."""
    own, its = list(ours.state_dict().values()), list(rival.state_dict().values())
    floats = [[one for one in tensors if one.is_floating_point()] for tensors in (own, its)]
    if len(floats[0]) != len(floats[1]):
        raise ArgumentError(f"ours has {len(floats[0])} weights and the rival {len(floats[1])}: they cannot be equal.")
    for turned in (False, True):
        given = [one.t() if turned and one.dim() == 2 else one for one in floats[0]]
        if all(one.shape == other.shape for one, other in zip(given, floats[1], strict=True)):
            for one, other in zip(given, floats[1], strict=True):
                other.copy_(one)
            yield turned


def _difference(first: Any, second: Any) -> float:
    """Return the largest difference, relative to the largest number of the rival's, or 1; infinity for other shapes."""
    pairs = list(zip(leaves(first), leaves(second), strict=False))
    if len(leaves(first)) != len(leaves(second)) or any(one.shape != other.shape for one, other in pairs):
        return float("inf")
    apart = [float((one.double() - other.double()).abs().max()) for one, other in pairs if one.numel()]
    largest = max([1.0, *(float(other.double().abs().max()) for _, other in pairs if other.numel())])
    found = max(apart, default=0.0) / largest
    return float("inf") if found != found else found


def _inputs(case: Case, request: dict[str, Any]) -> tuple[Any, ...]:
    dtype, device = getattr(torch, request["dtype"]), request["device"]
    if request["shapes"] and case.subject.kind == "layers":
        lead = {shape[0] for shape in request["shapes"]}
        return case.inputs(dtype, batch=lead.pop(), device=device)
    return case.inputs(dtype, batch=request["batch"], device=device)


def _shown(case: Case, inputs: tuple[Any, ...]) -> str:
    shapes = ", ".join(str(tuple(one.shape)) for one in leaves(inputs))
    first = leaves(inputs)[0]
    return f"input {shapes}, {str(first.dtype).removeprefix('torch.')} on {first.device.type}"


def _subject(kind: str, named: Any, arguments: dict[str, Any] | None, shapes: list[list[int]]) -> Subject:
    """Return a component by id, "module:name", or as it is; with these arguments and shapes in place of its first."""
    value = named if callable(named) else _loaded(kind, named)
    subject = subject_of(value, kind)
    first = subject.examples[0] if subject.examples else Example()
    inputs = first.inputs
    if shapes and kind != "optimizers":
        lead = 1 if kind == "layers" else 0
        kept = [*inputs, *[Values(())] * len(shapes)]
        inputs = tuple(
            Values(tuple(shape[lead:]), one.low, one.high, one.dtype) for shape, one in zip(shapes, kept, strict=False)
        )
    examples = (Example(inputs, first.arguments if arguments is None else arguments),)
    return Subject(kind, str(named), value, examples)


def _loaded(kind: str, named: str) -> Any:
    if not _is_foreign(named):
        return registry.load(registry.find(kind, named))
    module, _, name = named.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _is_foreign(named: str) -> bool:
    """Return whether it is "module:name" and no component's id."""
    module = named.partition(":")[0]
    return ":" in named and not any(component.distribution == module for component in registry.components())


def _reference(ours: Subject) -> Any:
    found = reference_of(ours.value) if ours.kind == "ops" else None
    if found is None:
        raise ArgumentError(f"{ours.id} has no `reference`. Say against what:  --against module:name")
    return found


def main() -> None:
    """Answer the request on stdin."""
    answer = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no part of the answer
    warnings.simplefilter("ignore")
    try:
        found = compare(json.load(sys.stdin))
    except Exception as error:
        name = "" if isinstance(error, CorekitError) else f"{type(error).__name__}: "
        found = {"error": f"{name}{error}"}
    os.write(answer, json.dumps(found).encode())
    os._exit(0)


__all__ = ["compare", "race"]

if __name__ == "__main__":
    main()

"""What every optimizer must do, part three: keep its state where it can be moved, stored and taken up again."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.dtype import dtype_name
from corekit.testing.case import Case
from corekit.testing.compare import assert_equal
from corekit.testing.every_kind import assert_no_effects, can_be_pickled, names, rebuilt
from corekit.testing.imports import import_budget
from corekit.testing.kit import CheckList, Skip, fail
from corekit.testing.optimizer_runs import (
    bound,
    gradients,
    in_way,
    is_ours,
    ours_only,
    run,
    state_of,
    step,
    values,
    weights,
)

CHECKS = CheckList("optimizers", minimum=0)

_STATE = "Keep all that changes from step to step as tensors that init(param) returns."


@CHECKS.check
def state_follows(case: Case) -> None:
    """State in another dtype or on another device than its weight doubles memory, or ends the first step on a GPU."""
    fix = "Make state with torch.zeros_like(param)."
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        params = weights(dtype)
        optimizer = bound(case, params)
        try:
            step(optimizer, params, gradients(0, dtype))
        except Exception as error:
            fail(
                case,
                on=f"weights of {dtype_name(dtype)}",
                expected="a step",
                got=f"{type(error).__name__}: {error}",
                fix=fix,
            )
        finer = (torch.float32,) if dtype == torch.bfloat16 else ()
        for param in params:
            if param.dtype != dtype:
                fail(
                    case,
                    on="a weight after a step",
                    expected=dtype_name(dtype),
                    got=dtype_name(param.dtype),
                    fix="Change the weight in place.",
                )
            for name, value in state_of(optimizer, param).items():
                if value.is_floating_point() and value.dtype not in (dtype, *finer):
                    fail(
                        case,
                        on=f'state["{name}"] of a weight of {dtype_name(dtype)}',
                        expected=dtype_name(dtype),
                        got=dtype_name(value.dtype),
                        fix=fix,
                    )
                if is_ours(case) and value.shape != param.shape:
                    fail(
                        case,
                        on=f'state["{name}"]',
                        expected=f"its weight's shape {tuple(param.shape)}, or 0-d",
                        got=tuple(value.shape),
                        fix=fix,
                    )
    if is_ours(case):
        _on_meta(case, fix)


@CHECKS.check
def state_dict(case: Case) -> None:
    """A checkpoint is tensors and plain data: a deque or an object of a class in it needs pickle, which runs code."""
    params = weights()
    optimizer = bound(case, params)
    for number in range(2):
        step(optimizer, params, gradients(number))
    packed = optimizer.state_dict()
    try:
        stored(packed)
    except TypeError as error:
        fail(case, on="state_dict()", expected="tensors, numbers, strings, lists and dicts", got=str(error), fix=_STATE)
    if set(packed) != {"state", "param_groups"}:
        fail(
            case,
            on="state_dict()",
            expected="state and param_groups, as torch has them",
            got=sorted(packed),
            fix="Leave state_dict to the base.",
        )
    other = weights()
    again = bound(case, other)
    again.load_state_dict(stored(packed))
    once, twice = packed["state"], again.state_dict()["state"]
    if once.keys() != twice.keys() or any(once[place].keys() != twice[place].keys() for place in once):
        fail(case, on="state_dict() after load_state_dict()", expected=_named(once), got=_named(twice), fix=_STATE)
    for place, held in once.items():
        for name, value in held.items():
            if isinstance(value, Tensor):
                assert_equal(
                    case, value, twice[place][name], exact=True, on=f'state["{name}"], stored and loaded', fix=_STATE
                )


@CHECKS.check
def state_changes(case: Case) -> None:
    """State that no step changes is a momentum that was computed and thrown away: training works, only worse."""
    ours_only(case, "state that a step must change")
    params = weights()
    optimizer = bound(case, params)
    first = [case.make().init(param.detach()) for param in params]
    if not any(first):
        raise Skip("it keeps no state")
    for number in range(3):
        step(optimizer, params, gradients(number))
    for name in first[0]:
        pairs = [(start[name], optimizer.state[param][name]) for start, param in zip(first, params, strict=True)]
        if all(torch.equal(start, now) for start, now in pairs):
            fail(
                case,
                on=f'state["{name}"] after 3 steps',
                expected="other values than init gave",
                got="the same",
                fix='Change state in place: state["velocity"].mul_(momentum).add_(grad), not velocity * m + grad.',
            )


@CHECKS.check
def resumes(case: Case) -> None:
    """A training that was interrupted must go on bit for bit: lost momentum is a jump in the loss, hours later."""
    for way in ("shipped", "loop", "flat"):
        params = weights()
        optimizer = in_way(bound(case, params), way)
        for number in range(3):
            step(optimizer, params, gradients(number))
        held, packed = values(params), stored(optimizer.state_dict())
        for number in range(3, 6):
            step(optimizer, params, gradients(number))
        others = [torch.nn.Parameter(value) for value in held]
        fresh = in_way(bound(case, others), way)
        fresh.load_state_dict(packed)
        for number in range(3, 6):
            step(fresh, others, gradients(number))
        on = f"three steps, state_dict() into a fresh optimizer, and the next three, {way}"
        assert_equal(case, values(params), values(others), exact=True, on=on, fix=_STATE)


@CHECKS.check
def config(case: Case) -> None:
    """A model file holds the optimizer's config: an argument that is missing comes back as its default, silently."""
    if not is_ours(case):
        raise Skip("torch's optimizers have no config")
    expected = run(case)
    again = rebuilt(case, case.make(), left_out=("lr",))
    params = weights()
    again.bind(params)
    for number in range(4):
        step(again, params, gradients(number))
    assert_equal(
        case,
        expected,
        values(params),
        on="after from_config(get_config())",
        fix="Let get_config return every argument, or leave it out: arguments are recorded.",
    )


@CHECKS.check
def copies(case: Case) -> None:
    """Cross-validation and tuners copy a model with its optimizer: the copy must go on alone, from where it was."""
    params = weights()
    optimizer = bound(case, params)
    for number in range(2):
        step(optimizer, params, gradients(number))
    found = {"copy.deepcopy": copy.deepcopy((params, optimizer))}
    if can_be_pickled(case.subject.value):
        found["pickle"] = pickle.loads(pickle.dumps((params, optimizer)))
    for number in range(2, 4):
        step(optimizer, params, gradients(number))
    for way, (others, twin) in found.items():
        for number in range(2, 4):
            step(twin, others, gradients(number))
        assert_equal(case, values(params), values(others), on=f"two more steps of a copy by {way}", fix=_STATE)


@CHECKS.check
def independent(case: Case) -> None:
    """A GAN has two optimizers: what one keeps in its class, in a global or in a default argument, the other finds."""
    expected = run(case)
    first, second = weights(), weights(seed=7)
    one, two = bound(case, first), bound(case, second)
    for number in range(4):
        step(two, second, gradients(50 + number))
        step(one, first, gradients(number))
    assert_equal(
        case,
        expected,
        values(first),
        on="beside a second optimizer of its kind that trains other weights",
        fix="Keep what it learns in `state`, not in the class or the module.",
    )


@CHECKS.check
def counts_steps(case: Case) -> None:
    """Bias correction divides by the count of steps: from 0 it divides by zero, counted twice it is too small."""
    params = weights()
    optimizer = bound(case, params)
    for number in range(3):
        step(optimizer, params, gradients(number))
        counted = optimizer.iterations if is_ours(case) else optimizer.state.get(params[0], {}).get("step")
        if counted is None:
            raise Skip("it counts no steps")
        if float(counted) != number + 1:
            fail(
                case,
                on=f"after {number + 1} steps",
                expected=f"a count of {number + 1}",
                got=float(counted),
                fix='Leave state["step"] alone: the base has counted before it calls update.',
            )


@CHECKS.check
def side_effects(case: Case) -> None:
    """An optimizer that draws from torch's generator, or sets a global, changes what the rest of a program computes."""
    assert_no_effects(case, lambda: run(case, 2))


def stored(value: Any) -> Any:
    """Return a state dict as it comes back from a file of tensors and JSON.

    Raises:
        TypeError: it holds something else.
    """
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: stored(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(stored(one) for one in value)
    try:
        return json.loads(json.dumps(value))
    except TypeError as error:
        raise TypeError(f"{value!r:.80} ({type(value).__name__})") from error


def _named(state: dict[Any, dict[str, Any]]) -> str:
    return ", ".join(sorted({name for held in state.values() for name in held})) or "nothing"


def _on_meta(case: Case, fix: str) -> None:
    params = [torch.nn.Parameter(param.detach().to("meta")) for param in weights(torch.float32)]
    optimizer = bound(case, params)
    try:
        optimizer.apply([torch.zeros_like(param) for param in params])
    except Exception as error:
        fail(
            case,
            on="weights on another device (meta)",
            expected="a step",
            got=f"{type(error).__name__}: {error}",
            fix=f"{fix} Make no tensor without device=param.device, and read none on the host.",
        )
    for param in params:
        for name, value in state_of(optimizer, param).items():
            if value.device != param.device:
                fail(
                    case,
                    on=f'state["{name}"] of a weight on the device meta',
                    expected="meta",
                    got=value.device,
                    fix=fix,
                )


CHECKS.once(import_budget)
CHECKS.once(names)

"""The optimizer contract: a `torch.optim.Optimizer` whose author writes the rule for one tensor."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, StateError
from corekit.protocols.configurable import Configurable, refuse_unknown
from corekit.protocols.units import State, Unit, partition


class Optimizer(Configurable, torch.optim.Optimizer):
    """Subclass it and write `init(param)` and `update(param, grad, state, learning_rate)`; the rest is here.

    Decoupled weight decay, learning rates (numbers, schedules, torch's schedulers), Keras's and torch's way of
    making one (without parameters, or `AdamW(model.parameters(), lr=...)`) come with the base. What changes from step
    to step is a 0-d tensor on the parameters' device, so that a compiled step never recompiles.

    `elementwise = True` promises that `update` treats each element alone; then small tensors (at most `flat_limit`
    elements) are updated together as one flat buffer. Others go through `update_many`, a loop unless overridden.

    Args:
        learning_rate: a number, a schedule of the step count, or, torch's way, the parameters.
        weight_decay: share of a weight, times the learning rate, taken off it at each step; None or 0 for no decay.
        lr: torch's name for learning_rate.
        name: default the class's name.

    Example:
        >>> class SignDescent(Optimizer):
        ...     elementwise = True
        ...     def update(self, param, grad, state, learning_rate):
        ...         param.sub_(learning_rate * grad.sign())
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> SignDescent(learning_rate=0.5).bind([weight]).apply([torch.tensor([3.0, -3.0])])
        >>> weight.tolist()
        [0.5, 1.5]

    Reference: https://keras.io/api/optimizers/
    """

    elementwise = False
    flat_limit = 2**14  # elements; above it a call's own cost no longer counts and the copies would

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        weight_decay: float | None = None,
        lr: Any = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown, ("learning_rate", "weight_decay", "lr", "name"))
        params = None
        if isinstance(learning_rate, Iterable) and not isinstance(learning_rate, (str, Tensor)):
            if len(self._arguments[0]) > 1:  # torch's second argument is the rate, Keras's is something else
                raise ArgumentTypeError(f"{type(self).__name__}(params, ...): write names after params: lr=0.1.")
            known = inspect.signature(type(self)).parameters.get("learning_rate")
            params, learning_rate = list(learning_rate), 0.001 if known is None else known.default
            self._arguments = ((), self._arguments[1])
        super().__init__([{"params": []}], {"lr": torch.zeros((), dtype=torch.float64)})
        self.name = name or type(self).__name__
        self.weight_decay = None if weight_decay is None else self.check_number("weight_decay", weight_decay)
        self._units: list[Unit] | None = None
        self._units_key: tuple[Any, ...] = ()
        self._steps: dict[torch.device, Tensor] = {}  # the step count, once for each device
        self._names: dict[Tensor, str] = {}
        self._undecayed: set[Tensor] = set()
        self._undecayed_names: tuple[str, ...] = ()
        self.learning_rate = learning_rate if lr is None else lr
        if params is not None:
            self.bind(params)

    # What an author writes

    def init(self, param: Tensor) -> State:
        """Return the state tensors for `param` (or a flat buffer of several): its shape, or 0-d. Default none."""
        return {}

    def update(self, param: Tensor, grad: Tensor, state: State, learning_rate: Tensor) -> None:
        """Change `param` in place, and `state`; `state["step"]` is the count of this step, from 1, a 0-d tensor."""
        raise ArgumentTypeError(
            f"{type(self).__name__} has no update.\n"
            "  Write  def update(self, param, grad, state, learning_rate): param.sub_(learning_rate * grad)"
        )

    def update_many(
        self, params: list[Tensor], grads: list[Tensor], states: list[State], learning_rate: Tensor
    ) -> None:
        """Update tensors of one group, device, dtype; each has its gradient's strides. Override for a faster way."""
        for param, grad, state in zip(params, grads, states, strict=True):
            self.update(param, grad, state, learning_rate)

    def check_number(self, name: str, value: Any, below: float = math.inf) -> float:
        """Return a constructor's number, or raise where it is none, is negative, or is not less than `below`."""
        expected = f"expected a number{', or a schedule' * (name == 'learning_rate')}, from 0 to less than {below}"
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ArgumentTypeError(f"{type(self).__name__}({name}={value!r}): {expected}.")
        if not 0 <= float(value) < below:
            raise ArgumentError(f"{type(self).__name__}({name}={value}): {expected}.")
        return float(value)

    # Binding

    @property
    def is_bound(self) -> bool:
        """Whether the optimizer knows the parameters that it updates."""
        return any(group["params"] for group in self.param_groups)

    def bind(self, params: Iterable[Any]) -> Optimizer:
        """Take the parameters: tensors, (name, tensor) pairs, or torch's group dicts. `compile` does it for you.

        Raises:
            StateError: it has parameters already.
            ArgumentError: there are none.
        """
        params = list(params)
        if self.is_bound:
            raise StateError(f"{self.name} has its parameters already. Make a new one for another model.")
        if not params:
            raise ArgumentError(f"{self.name} was given no parameters. A layer has none before it is built.")
        groups = params if isinstance(params[0], dict) else [{"params": params}]
        first = self.param_groups.pop()  # a torch scheduler may have noted its initial_lr in it
        for group in groups:
            pairs = [pair if isinstance(pair, tuple) else ("", pair) for pair in group["params"]]
            self._names.update({param: name for name, param in pairs})
            self.add_param_group({**first, **group, "params": [param for _, param in pairs]})
        return self

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with an `lr` and a `weight_decay` of their own, as in torch."""
        known = {"learning_rate", "betas", "eps", *inspect.signature(type(self)).parameters}
        if wrong := known & param_group.keys() - {"lr", "weight_decay", "name"}:
            raise ArgumentError(f"{self.name}: a group has its own {wrong}; only lr and weight_decay may differ.")
        super().add_param_group(param_group)
        _place_rate(self.param_groups[-1])
        self._units = None

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave weights alone that stand in `var_list`, or in whose name one of `var_names` (patterns) is found."""
        self._undecayed |= set(var_list or ())
        self._undecayed_names += tuple(var_names or ())
        self._units = None

    # The learning rate and the step count

    @property
    def learning_rate(self) -> Any:
        """The learning rate, a 0-d tensor; set it to a number or a schedule. `lr` of each group is the same tensor."""
        return self.param_groups[0]["lr"]

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._schedule = value if callable(value) and not isinstance(value, Tensor) else None
        rate = value if self._schedule is None else self._schedule(self.iterations)
        self._set_rates(rate if isinstance(rate, Tensor) else self.check_number("learning_rate", rate))

    @property
    def iterations(self) -> Tensor:
        """How many steps were made, a 0-d tensor."""
        counts = [*self._steps.values(), *(state["step"] for state in self.state.values() if "step" in state)]
        return counts[0] if counts else torch.zeros((), dtype=torch.float64)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; the learning rate is the present one, or the schedule."""
        config = {key: value for key, value in super().get_config().items() if key != "lr"}
        return {**config, "learning_rate": self._schedule or float(self.learning_rate)}

    # A step

    @torch.no_grad()
    def apply(self, grads: Sequence[Tensor | None], params: Sequence[Tensor] | None = None) -> None:
        """Update the parameters from gradients in their order; a None leaves its parameter alone.

        Raises:
            StateError: it has no parameters, or other ones than those given.
        """
        if not self.is_bound:
            if params is None:
                raise StateError(f"{self.name} has no parameters yet. Call compile, or optimizer.bind(parameters).")
            self.bind(params)
        mine = [param for group in self.param_groups for param in group["params"]]
        if params is not None and list(map(id, params)) != list(map(id, mine)):
            by_id = {id(param): grad for param, grad in zip(params, grads, strict=True)}
            grads = [by_id.pop(id(param), None) for param in mine]
            if by_id:
                raise StateError(f"{self.name} is not bound to {len(by_id)} of the parameters. Bind it to all of them.")
        if len(grads) != len(mine):
            raise StateError(f"{self.name} has {len(mine)} parameters, got {len(grads)} gradients.")
        if self._units is None or self._units_key != tuple(grad is not None and grad.device for grad in grads):
            self.prepare([grad is not None for grad in grads])
        for step in self._steps.values():
            torch._foreach_add_([step], 1)  # not step.add_(1), which torch 2.13 compiles away: see _set_rates
        self._set_rates(None if self._schedule is None else self._schedule(self.iterations - 1))
        for unit in self._units or ():
            unit.update([grads[position] for position in unit.positions], self.update_many, self.weight_decay)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> None:
        """Keras 2's spelling of `apply`."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [param for _, param in pairs])

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update from each parameter's `.grad`, as every torch optimizer does."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.apply([param.grad for group in self.param_groups for param in group["params"]])
        return loss

    # State

    @torch.no_grad()
    def prepare(self, has_grad: Sequence[bool] | None = None) -> None:
        """Make the state for the parameters that will have a gradient (default: all that require one)."""
        if self._undecayed_names and not any(self._names.values()):
            raise StateError(
                f"{self.name} cannot exclude {self._undecayed_names} from weight decay: it knows no names.\n"
                "  Write  optimizer.bind(model.named_parameters())  or  exclude_from_weight_decay(var_list=[...])."
            )
        params = [param for group in self.param_groups for param in group["params"]]
        having = [param.requires_grad for param in params] if has_grad is None else has_grad
        self._units_key = tuple(bool(has) and param.device for has, param in zip(having, params, strict=True))
        done = self.iterations
        self._units = partition(self.param_groups, having, self._kind)
        for unit in self._units:
            unit.make_states(self.init, self.state)
            device = unit.params[0].device
            if device not in self._steps:
                self._steps[device] = done.to(device, _exact(device)).clone()
            for state in [*unit.states, *(self.state[param] for param in unit.params)]:
                state["step"] = self._steps[device]
        self._set_rates()

    def _kind(self, param: Tensor) -> tuple[bool, bool]:
        """Return whether weight decay may touch the parameter, and whether it may be part of a flat buffer."""
        name = self._names.get(param, "")
        excluded = param in self._undecayed or any(re.search(pattern, name) for pattern in self._undecayed_names)
        small = self.elementwise and param.numel() <= self.flat_limit and not hasattr(param, "placements")  # sharded
        return not excluded, small

    def _set_rates(self, rate: Any = None) -> None:
        """Put each group's `lr` where its parameters are (torch's idiom writes numbers there), and set it to `rate`."""
        for group in self.param_groups:
            lr, params = group["lr"], group["params"]
            if not isinstance(lr, Tensor) or (params and lr.device != params[0].device):
                _place_rate(group)
            if rate is not None:
                # In place, because a captured step reads this very tensor; by foreach, because torch 2.13 drops an
                # in-place method on a 0-d float64 CPU tensor from compiled code where its result is not used.
                torch._foreach_copy_([group["lr"]], [torch.as_tensor(rate, dtype=torch.float64)])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where another optimizer of the same parameters stopped."""
        if not self.is_bound:
            raise StateError(f"{self.name} has no parameters yet: compile the model (or bind) before load_state_dict.")
        super().load_state_dict(state_dict)
        self._steps.clear()
        self._units = None

    def __getstate__(self) -> dict[str, Any]:
        kept = {key: value for key, value in self.__dict__.items() if not key.startswith("_optimizer_")}
        return {**kept, "_units": None}  # torch makes its hooks (_optimizer_...) anew, `prepare` the units


def _place_rate(group: dict[str, Any]) -> None:
    """Make the group's `lr` a tensor of its own, beside the group's parameters."""
    device = group["params"][0].device if group["params"] else torch.device("cpu")
    group["lr"] = torch.as_tensor(group["lr"], dtype=_exact(device)).detach().to(device).clone()


def _exact(device: torch.device) -> torch.dtype:
    """Return the dtype for counts and rates: 0-d tensors never promote a parameter, so the widest is free."""
    return torch.float32 if device.type == "mps" else torch.float64

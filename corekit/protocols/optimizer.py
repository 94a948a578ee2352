"""The optimizer contract: a `torch.optim.Optimizer` whose author writes the rule for one tensor."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, StateError
from corekit.protocols.arguments import check_count, check_number
from corekit.protocols.averaging import overwrite
from corekit.protocols.configurable import Configurable, refuse_unknown
from corekit.protocols.plan import Plan
from corekit.protocols.rates import place_rates, set_rates
from corekit.protocols.tracing import no_grad
from corekit.protocols.units import State, Way, choose_way

_ARGUMENTS = (
    "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
    "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "lr", "name",
)  # fmt: skip


# torch's methods without the decorator that tells its compiler to pass them by. That imports the compiler, 1 to 2 s and
# 145 MB, at the first optimizer of every program, and at the first file.
_torch: Any = torch.optim.Optimizer
_add_param_group, _state_dict, _load_state_dict = (
    getattr(method, "__wrapped__", method)
    for method in (_torch.add_param_group, _torch.state_dict, _torch.load_state_dict)
)


class Optimizer(Configurable, torch.optim.Optimizer):
    """Subclass it and write `init(param)` and `update(param, grad, state, learning_rate)`; the rest is here.

    Learning rates (numbers, schedules, torch's schedulers), decoupled weight decay, clipping, accumulation, averages
    of the weights, Keras's and torch's way of making one (without parameters, or `AdamW(model.parameters(), lr=...)`)
    come with the base. What changes from step to step is a 0-d tensor on the parameters' device, so that a compiled
    step never recompiles. A step unscales gradients, accumulates, clips, takes the decay off, updates, averages.

    `elementwise = True` promises that `update` treats each element alone; then small tensors (at most `flat_limit`
    elements) are updated together as one flat buffer. Others go through `update_many`, a loop unless overridden.
    `fused = True` says that the class has an `update_fused`, which comes before both where it may.

    Args:
        learning_rate: a number, a schedule of the count of passes, or, torch's way, the parameters.
        weight_decay: share of a weight, times the learning rate, taken off it at each step; None or 0 for no decay.
        clipnorm: no gradient's norm is larger. One at most of the three clips; None or 0 for no clipping.
        clipvalue: no gradient's element is larger, nor less than its negative.
        global_clipnorm: the norm of all gradients together is not larger.
        use_ema: keep moving averages of the weights, which `finalize_variable_values` puts in the weights' place.
        ema_momentum: share of the old average that stays at each pass, from 0 to 1.
        ema_overwrite_frequency: put the averages in the weights' place after every so many updates; None for never.
        loss_scale_factor: what `scale_loss` multiplies by; gradients are divided by it.
        gradient_accumulation_steps: one update for so many passes, 2 or more, with the mean of their gradients.
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
    fused = False
    flat_limit = 2**14  # elements; above it a call's own cost no longer counts and the copies would

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        lr: Any = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown, _ARGUMENTS)
        params = None
        if isinstance(learning_rate, Iterable) and not isinstance(learning_rate, (str, Tensor)):
            if len(self._arguments[0]) > 1:  # torch's second argument is the rate, Keras's is something else
                raise ArgumentTypeError(f"{type(self).__name__}(params, ...): write names after params: lr=0.1.")
            known = inspect.signature(type(self)).parameters.get("learning_rate")
            params, learning_rate = list(learning_rate), 0.001 if known is None else known.default
            self._arguments = ((), self._arguments[1])
        self._plan = Plan(self)
        super().__init__([{"params": []}], {"lr": torch.zeros((), dtype=torch.float64)})
        self.name = name or type(self).__name__
        self.weight_decay = self._limit("weight_decay", weight_decay)
        self.clipnorm = self._limit("clipnorm", clipnorm)
        self.clipvalue = self._limit("clipvalue", clipvalue)
        self.global_clipnorm = self._limit("global_clipnorm", global_clipnorm)
        if [clipnorm, clipvalue, global_clipnorm].count(None) < 2:
            given = f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            raise ArgumentError(
                f"{type(self).__name__}({given}): only one of the three may clip. Leave out the others."
            )
        self.use_ema = use_ema
        self.ema_momentum = check_number(self, "ema_momentum", ema_momentum, most=1)
        self.ema_overwrite_frequency = self._count("ema_overwrite_frequency", ema_overwrite_frequency, 1)
        if loss_scale_factor is not None:
            loss_scale_factor = check_number(self, "loss_scale_factor", loss_scale_factor, above=0)
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = self._count("gradient_accumulation_steps", gradient_accumulation_steps, 2)
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

    def update_fused(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        states: dict[str, list[Tensor]],
        learning_rate: Tensor | float,
        *,
        step: Tensor | float,
        weight_decay: float,
    ) -> None:
        """Update tensors by a kernel that takes them all; needed where `fused = True`.

        Called in place of `update`, weight decay included, for float32, bfloat16 and float16 on CPU and CUDA, where
        each tensor fills one block of memory and its gradient and state lie as it does.

        Args:
            params: changed in place.
            grads: their gradients, not to be changed.
            states: what `init` returned, a list for each name.
            learning_rate: a number where it may be read without waiting, else a 0-d tensor.
            step: the count of this step, from 1; a number or a tensor as the learning rate is.
            weight_decay: 0.0 for none.
        """
        raise ArgumentTypeError(f"{type(self).__name__} says fused = True and has no update_fused.")

    def check_number(self, name: str, value: Any, below: float = math.inf) -> float:
        """Return a constructor's number, or raise where it is none, is negative, or is not less than `below`."""
        kind = "a number, or a schedule" if name == "learning_rate" else "a number"
        return check_number(self, name, value, below=below, kind=kind)

    def _limit(self, name: str, value: Any) -> float | None:
        return None if value is None else self.check_number(name, value)

    def _count(self, name: str, value: Any, least: int) -> int | None:
        return None if value is None else check_count(self, name, value, least=least, otherwise=", or None for never")

    # Binding

    @property
    def is_bound(self) -> bool:
        """Whether the optimizer knows the parameters that it updates."""
        return bool(self._params)

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
        _add_param_group(self, param_group)
        place_rates(self.param_groups[-1:])
        self._params = [param for group in self.param_groups for param in group["params"]]
        self._plan.forget()

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave weights alone that stand in `var_list`, or in whose name one of `var_names` (patterns) is found."""
        self._undecayed |= set(var_list or ())
        self._undecayed_names += tuple(var_names or ())
        self._plan.forget()

    # The learning rate and the step count

    @property
    def learning_rate(self) -> Any:
        """The learning rate, a 0-d tensor; set it to a number or a schedule. `lr` of each group is the same tensor."""
        return self.param_groups[0]["lr"]

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._schedule = value if callable(value) and not isinstance(value, Tensor) else None
        rate = value if self._schedule is None else self._schedule(self.iterations)
        place_rates(self.param_groups)
        set_rates(self.param_groups, rate if isinstance(rate, Tensor) else self.check_number("learning_rate", rate))

    @property
    def iterations(self) -> Tensor:
        """How many updates were made, a 0-d tensor. A schedule is asked with the count of passes, as in Keras."""
        return self._plan.iterations

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; the learning rate is the present one, or the schedule."""
        config = {key: value for key, value in super().get_config().items() if key != "lr"}
        return {**config, "learning_rate": self._schedule or float(self.learning_rate)}

    # A step

    @property
    def is_due(self) -> bool:
        """Whether the next pass makes an update; else it only accumulates. Known to the host, and always without."""
        steps = self.gradient_accumulation_steps
        return not steps or self._plan.accumulation.phase == steps - 1

    def note_pass(self) -> None:
        """Count a pass. `apply` does it; who traces `collect` and `update_from` calls it outside of them."""
        if self.gradient_accumulation_steps:
            self._plan.accumulation.phase = (self._plan.accumulation.phase + 1) % self.gradient_accumulation_steps

    def apply(self, grads: Sequence[Tensor | None], params: Sequence[Tensor] | None = None) -> None:
        """Update the parameters from gradients in their order; a None leaves its parameter alone.

        With `gradient_accumulation_steps` only each so many-th call makes an update, from all gradients since the last.

        Raises:
            StateError: it has no parameters, or other ones than those given.
        """
        if params is not None or len(grads) != len(self._params) or not grads:
            grads = self._in_order(grads, params)
        is_due = self.is_due
        self.note_pass()
        if is_due:
            self.update_from(grads)
        else:
            self.collect(grads)

    def _in_order(self, grads: Sequence[Tensor | None], params: Sequence[Tensor] | None) -> Sequence[Tensor | None]:
        """Return the gradients in the order of the optimizer's parameters; bind it if it has none."""
        if not self.is_bound:
            if params is None:
                raise StateError(f"{self.name} has no parameters yet. Call compile, or optimizer.bind(parameters).")
            self.bind(params)
        if params is not None and list(map(id, params)) != list(map(id, self._params)):
            by_id = {id(param): grad for param, grad in zip(params, grads, strict=True)}
            grads = [by_id.pop(id(param), None) for param in self._params]
            if by_id:
                raise StateError(f"{self.name} is not bound to {len(by_id)} of the parameters. Bind it to all of them.")
        if len(grads) != len(self._params):
            raise StateError(f"{self.name} has {len(self._params)} parameters, got {len(grads)} gradients.")
        return grads

    def collect(self, grads: Sequence[Tensor | None]) -> None:
        """Add the gradients of a pass that is not due to those before it."""
        with no_grad():
            self._plan.collect(grads)

    def update_from(self, grads: Sequence[Tensor | None]) -> None:
        """Make an update from the gradients of this pass, and those collected before it."""
        with no_grad():
            self._plan.update(grads)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Return the loss times `loss_scale_factor`, for a backward pass in which small gradients survive."""
        return loss * self.loss_scale_factor if self.loss_scale_factor else loss

    @torch.no_grad()
    def finalize_variable_values(self, trainable_variables: Iterable[Tensor] | None = None) -> None:
        """With `use_ema`, put the averages in the place of the weights (default all); `fit` ends with it."""
        weights = self._params if trainable_variables is None else list(trainable_variables)
        if strangers := set(weights) - set(self._params):
            raise StateError(f"{self.name} is not bound to {len(strangers)} of the weights, so it averaged them never.")
        if self.use_ema:
            overwrite(weights, self.state)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> None:
        """Keras 2's spelling of `apply`."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [param for _, param in pairs])

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch has overloads
        """Update from each parameter's `.grad`, as every torch optimizer does."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.apply([param.grad for param in self._params])
        return loss

    # State

    @torch.no_grad()
    def prepare(self, has_grad: Sequence[bool] | None = None, *, flat: bool = True) -> None:
        """Make the state for the parameters that will have a gradient.

        Args:
            has_grad: for each parameter; default those that require one.
            flat: whether small tensors may be joined; False for a step that will be compiled, where that is slow.
        """
        if self._undecayed_names and not any(self._names.values()):
            raise StateError(
                f"{self.name} cannot exclude {self._undecayed_names} from weight decay: it knows no names.\n"
                "  Write  optimizer.bind(model.named_parameters())  or  exclude_from_weight_decay(var_list=[...])."
            )
        may_join = flat and not torch.compiler.is_compiling()
        self._plan.prepare(self._params, has_grad, lambda param: self._kind(param, may_join))

    def _kind(self, param: Tensor, may_join: bool) -> tuple[bool, Way]:
        """Return whether weight decay may touch the parameter, and which way it is updated."""
        name = self._names.get(param, "")
        excluded = param in self._undecayed or any(re.search(pattern, name) for pattern in self._undecayed_names)
        joined = may_join and self.elementwise and param.numel() <= self.flat_limit
        return not excluded, choose_way(param, fused=self.fused, joined=joined)

    def state_dict(self) -> dict[str, Any]:
        """Return all that resuming needs, as torch's optimizers do; in mid-accumulation too."""
        packed: dict[str, Any] = _state_dict(self)
        if self.gradient_accumulation_steps:
            packed["param_groups"][0]["passes_collected"] = self._plan.accumulation.phase
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where another optimizer of the same parameters stopped."""
        if not self.is_bound:
            raise StateError(f"{self.name} has no parameters yet: compile the model (or bind) before load_state_dict.")
        _load_state_dict(self, state_dict)
        self._plan.accumulation.phase = self.param_groups[0].pop("passes_collected", 0)
        self._plan.forget(counts=True)

    def __getstate__(self) -> dict[str, Any]:
        # torch makes its hooks (_optimizer_...) anew
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_optimizer_")}

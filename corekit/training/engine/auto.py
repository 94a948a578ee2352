"""`jit_compile="auto"` on a CPU: start eagerly at once, compile beside it, measure, and change only to what is faster.

    eager steps, until it is clear how long training will take
    too short, or little to gain?   stay eager
    known, and in torch's cache?    load it, as soon as that pays for the steps that are left
    else                            a helper process compiles; then load, measure both on real steps, keep the faster

What was measured is kept on disk, so the next training of such a model decides after two looks at its speed.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from corekit.errors import StateError
from corekit.training.engine import inductor, memory
from corekit.training.engine.compiled import CompiledStep
from corekit.training.engine.estimate import Joinable
from corekit.training.engine.memory import Measured
from corekit.training.engine.process import CompilerProcess

if TYPE_CHECKING:
    from corekit.training.engine.engine import Engine

Item = tuple[Any, bool]
Inside = Callable[[], AbstractContextManager[None]]

# What preparing a compiled step costs, in seconds: training stands still while the graph is captured and both ways are
# timed, and the helper has a core of its own. On two cores 5 s and then 7 of 32 for a small MLP (W1 of benchmarks),
# 26 of 58 for an encoder (W5).
PREPARE = 5.0 + 15.0
UNSURE = 0.3  # how far off a guess of what is saved may be: 0.24 to 0.44 of that encoder's step, where 0.1 was true
AT_MOST = 0.05  # the share of a training that may be spent on finding out, whatever was guessed
LOAD = 4.0  # seconds to fetch the compiled step from torch's cache, most of them for importing torch's compiler
MARGIN = 1.5  # how many times over loading must pay, since speeds drift by more than that
WORTH_IT = 0.08  # the least share of a step to gain; less is lost in noise
FIRST_LOOK = 8  # steps; the first of a process are slow
LOOK_EVERY = 0.25  # seconds
TURNS, TURN = 5, 0.04  # how often each way has its turn when both are measured, and the seconds of one


class Clock:
    """Runs steps and knows what one takes: the median of short stretches, so that a pause does not count.

    Args:
        engine: whose steps.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.step = 0.0  # seconds
        self._stretches: list[float] = []

    @property
    def is_steady(self) -> bool:
        """Whether it has looked often enough to be believed."""
        return len(self._stretches) > 3

    def run(self, least: int, seconds: float, inside: Inside = contextlib.nullcontext) -> Generator[None, Item, float]:
        """Make so many steps at least, for so long at least, each `inside`; return the seconds that one took."""
        count, spent = 0, 0.0
        while count < least or spent < seconds:
            item = yield
            start = time.perf_counter()
            with inside():
                self._engine.run(*item)
            spent += time.perf_counter() - start
            count += 1
        return spent / count

    def look(self, inside: Inside = contextlib.nullcontext) -> Generator[None, Item, None]:
        """Make some steps, as `run` does, and bring `step` up to date."""
        is_first = not self._stretches
        self._stretches.append((yield from self.run(FIRST_LOOK, 0.0 if is_first else LOOK_EVERY, inside)))
        self.step = statistics.median_low(self._stretches[-9:])


@contextlib.contextmanager
def _a_core_left() -> Iterator[None]:
    """Run what is inside with a thread less than there are cores, so that another process has one.

    torch's threads wait for each other, and busily: with as many as cores, a helper of low priority had a fifth of a
    core and was not ready after two minutes; with the same priority it made steps five times as long.
    """
    threads = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not 1 < threads >= cores:
        yield
        return
    torch.set_num_threads(threads - 1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _NoUseError(Exception):
    """The step cannot be compiled here; the message says why."""


def plan(engine: Engine) -> Generator[None, Item, None]:
    """Receive batches, make the step of each, and end when it is settled how the others will be made."""
    clock, name = Clock(engine), engine.name()
    known = memory.recall(name)
    try:
        while True:
            if known is None:
                known = yield from _learn(engine, clock, name)
            if known.share < WORTH_IT:
                engine.line = f"eager: {known.compared()}"
                return
            yield from _until_it_pays(engine, clock, known)
            took = yield from _load(engine)
            if took is None:  # the cache was emptied
                known = None
            elif known.is_real:
                known.load = max(known.load, took)  # it varies from 3 to 6 s; the next training counts on the worst
                memory.remember(name, known)
                break
            else:
                known = yield from _measure(engine, took)
                memory.remember(name, known)
                if known.share >= WORTH_IT:
                    break
                engine.fast.clear()
        engine.line = f"compiled: {known.compared()}"
    except _NoUseError as error:
        engine.fast.clear()
        engine.line = f"eager: {error}"


def _learn(engine: Engine, clock: Clock, name: str) -> Generator[None, Item, Measured]:
    """Train eagerly; when so much is left that compiling may pay, find out what it would bring."""
    share: float | None = None
    while True:
        yield from clock.look()
        left = engine.left * clock.step
        if left > PREPARE and share is None and clock.is_steady:
            _check_machine(engine)
            share = yield from _guess(engine, clock.step)
            if share < WORTH_IT:
                return Measured(clock.step, clock.step * (1 - share), LOAD)  # not remembered: a guess is soon made
        if share is not None and left * max(share - UNSURE, AT_MOST) > PREPARE:
            known = yield from _compile_beside(engine, clock)
            memory.remember(name, known)
            return known
        engine.line = _too_few(engine, clock.step)


def _check_machine(engine: Engine) -> None:
    try:
        inductor.check_machine()
    except inductor.CompilerError as error:
        engine.tell(error)
        raise _NoUseError(str(error)) from error


def _guess(engine: Engine, step: float) -> Generator[None, Item, float]:
    """Make a step, and return what share of it a compiler could save."""
    item = yield
    with Joinable() as joinable:
        engine.run(*item)
    return float(min(joinable.gain / step, 0.9))


def _compile_beside(engine: Engine, clock: Clock) -> Generator[None, Item, Measured]:
    """Have a helper process compile the step, and train eagerly until it is ready."""
    steps, _ = yield from _captured(engine)
    if not all(step.is_closed for step in steps.values()):
        raise _NoUseError("the step keeps or reads what is no tensor; jit_compile=True compiles it under guards")
    try:
        process = CompilerProcess([(step.graph(), step.inputs) for step in steps.values()])
    except inductor.CompilerError as error:
        raise _NoUseError(str(error)) from error
    engine.line = "eager: a helper process compiles the step"
    try:
        while not process.is_done():
            yield from clock.look(_a_core_left)
        found = process.result()
    finally:
        process.stop()
    if "error" in found:
        engine.tell(found["error"])
        raise _NoUseError(found["error"])
    return Measured(clock.step, clock.step * found["compiled"] / found["eager"], LOAD)


def _until_it_pays(engine: Engine, clock: Clock, known: Measured) -> Generator[None, Item, None]:
    """Train eagerly until loading the compiled step pays for what is left: soon, or else hardly ever."""
    for _ in range(2):  # the first steps are slow; by the second look it shows how fast this machine is today
        yield from clock.look()
    step = min(known.eager, clock.step)
    while engine.left * step * known.share <= known.load * MARGIN:
        engine.line = _too_few(engine, step)
        yield from clock.look()
        step = clock.step


def _load(engine: Engine) -> Generator[None, Item, float | None]:
    """Fetch the compiled step from torch's cache; return the seconds that it took, or None where it is not there."""
    steps, seconds = yield from _captured(engine)
    start = time.perf_counter()
    try:
        for step in steps.values():
            step.load(only_cached=True)
    except inductor.NotCachedError:
        return None
    except inductor.CompilerError as error:
        engine.tell(error)
        raise _NoUseError(str(error)) from error
    seconds += time.perf_counter() - start
    engine.fast = dict(steps)
    if not (yield from engine.checked()):
        raise _NoUseError("Python values change from step to step; jit_compile=True compiles such a step under guards")
    return seconds


def _captured(engine: Engine) -> Generator[None, Item, tuple[dict[bool, CompiledStep], float]]:
    """Capture each kind of step at its next batch of the usual size; return them, and the seconds that it took."""
    steps: dict[bool, CompiledStep] = {}
    seconds = 0.0
    while len(steps) < len(engine.steps):
        batch, kind = yield
        if kind in steps or not engine.is_usual(batch):
            engine.run(batch, kind)
            continue
        start = time.perf_counter()
        try:
            steps[kind] = engine.capture(batch, kind)
        except StateError as error:
            engine.run(batch, kind)
            raise _NoUseError(str(error.__cause__)) from error
        seconds += time.perf_counter() - start
    return steps, seconds


def _measure(engine: Engine, load: float) -> Generator[None, Item, Measured]:
    """Run both ways in turn on real steps, and return what they take."""
    clock, fast = Clock(engine), engine.fast
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(TURNS):
        for is_fast, seconds in found.items():
            engine.fast = fast if is_fast else {}
            seconds.append((yield from clock.run(3, TURN)))
    engine.fast = fast
    eager, compiled = (statistics.median(seconds) for seconds in found.values())
    return Measured(eager, compiled, load, is_real=True)


def _too_few(engine: Engine, step: float) -> str:
    return f"eager: {engine.left:,} steps of {step * 1e3:.2g} ms are too few to repay a compiler"

"""`jit_compile="auto"`: when it compiles and when not; every batch is trained on once, whatever happens."""

import time
from typing import ClassVar

import pytest
import torch

from corekit.training.engine import auto, inductor, memory
from corekit.training.engine.engine import Engine
from corekit.training.engine.memory import Measured

NAME = "step"
FASTER, SLOWER = Measured(1.0, 0.5, load=0.0, is_real=True), Measured(1.0, 2.0, load=0.0, is_real=True)


class Training:
    """A step that takes a while when Python runs it, and adds up what it was given."""

    def __init__(self, seconds=0.0, breaks=False):
        self.total, self.eager_steps = torch.zeros(2), 0
        self.seconds, self.breaks = seconds, breaks
        self.threads: set[int] = set()
        self.engine = Engine(
            {True: self.step}, lambda: True, "auto", device=torch.device("cpu"), label="model",
            probe=lambda batch: None, before_capture=lambda: None, stands_alone=True, state=lambda: [self.total],
            name=lambda: NAME,
        )  # fmt: skip

    def step(self, batch):
        if not torch.compiler.is_compiling():
            self.eager_steps += 1
            self.threads.add(torch.get_num_threads())
            time.sleep(self.seconds)
        elif self.breaks:
            print(end="")
        self.total.add_(batch[0])

    def run(self, count, left=None):
        """Train on so many batches; return how many were made eagerly, and the engine's line."""
        before = self.eager_steps
        self.engine.begin(count if left is None else left)
        start = self.total.clone()
        for _ in range(count):
            self.engine.step((torch.ones(2),))
        assert (self.total - start).tolist() == [count] * 2  # each once
        return self.eager_steps - before, self.engine.line


class Helper:
    """Stands for the process that compiles."""

    result_is: ClassVar = {"eager": 1.0, "compiled": 0.5, "took": 1.0}

    def __init__(self, graphs):
        assert all(isinstance(data, bytes) for data, _ in graphs)
        self.polls = 0
        made.append(self)

    def is_done(self):
        self.polls += 1
        return self.polls > 3

    def result(self):
        return self.result_is

    def stop(self):
        self.polls = -1


made: list[Helper] = []


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No compiler runs, and nobody waits: what was captured runs one operation after another."""
    made.clear()
    torch._dynamo.reset()

    def instead(data, inputs, *, only_cached=False):
        run = inductor.runnable(data)
        return lambda values: run(*values)

    monkeypatch.setattr(inductor, "compile_graph", instead)
    monkeypatch.setattr(inductor, "check_machine", lambda: None)
    monkeypatch.setattr(auto, "CompilerProcess", Helper)
    for name, value in {"PREPARE": 0.0, "LOAD": 0.0, "LOOK_EVERY": 0.0, "FIRST_LOOK": 1, "TURN": 0.0}.items():
        monkeypatch.setattr(auto, name, value)


@pytest.fixture
def no_use(monkeypatch):
    """The compiler has another reason each time why it is of no use."""

    def let(error):
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(inductor, "compile_graph", fail)

    return let


def test_short_training_stays_eager(monkeypatch):
    monkeypatch.setattr(auto, "PREPARE", 14.5)

    eager, line = Training().run(50)

    assert eager == 50
    assert line.startswith("eager: ")
    assert "too few to repay a compiler" in line
    assert not made


@pytest.mark.parametrize(
    ("share", "left", "starts"),
    [(0.9, 8_000, True), (0.35, 8_000, False), (0.35, 80_000, True), (0.1, 80_000, True), (0.05, 10**7, False)],
)
def test_guess_must_leave_room_for_being_wrong(monkeypatch, share, left, starts):
    monkeypatch.setattr(auto, "PREPARE", 2.0)  # of 8 and of 80 seconds

    def guess(engine, step):
        yield from ()
        return share

    monkeypatch.setattr(auto, "_guess", guess)

    Training(seconds=0.001).run(30, left)

    assert bool(made) is starts


def test_little_to_gain_stays_eager():
    eager, line = Training(seconds=0.002).run(30)

    assert eager == 30
    assert line.startswith("eager: ")
    assert "(estimated)" in line
    assert memory.recall(NAME) is None


def test_helper_compiles_and_both_are_measured(monkeypatch):
    monkeypatch.setattr(auto, "WORTH_IT", -10.0)  # a sum of two numbers gains nothing
    training = Training()

    eager, _ = training.run(100)

    known = memory.recall(NAME)
    assert len(made) == 1
    assert known.is_real
    assert eager < 100
    assert training.engine.line.endswith("(measured)")


@pytest.mark.parametrize(("cores", "least"), [(2, 1), (3, 2)])
def test_helper_has_a_core_of_its_own(monkeypatch, cores, least):
    monkeypatch.setattr(auto, "WORTH_IT", -10.0)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)), raising=False)
    before, training = torch.get_num_threads(), Training()
    torch.set_num_threads(2)
    try:
        training.run(100)
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)

    assert len(made) == 1
    assert training.threads == {2, least}
    assert after == 2


def test_known_to_be_faster_compiles_at_once():
    memory.remember(NAME, FASTER)

    eager, line = Training().run(10)

    assert eager == 2  # two looks at the speed of today
    assert line == "compiled: 500 ms a step compiled, 1e+03 ms eagerly (measured)"
    assert not made


def test_known_to_be_slower_stays_eager():
    memory.remember(NAME, SLOWER)

    eager, line = Training().run(10)

    assert eager == 10
    assert line == "eager: 2e+03 ms a step compiled, 1e+03 ms eagerly (measured)"


def test_too_few_steps_to_load_stay_eager():
    memory.remember(NAME, Measured(0.001, 0.0005, load=100.0, is_real=True))

    eager, line = Training().run(10)

    assert eager == 10
    assert "too few" in line


def test_emptied_cache_is_filled_again(no_use):
    memory.remember(NAME, FASTER)
    no_use(inductor.NotCachedError("gone"))
    training = Training()

    training.run(3)

    assert training.engine.line != "compiled: 500 ms a step compiled, 1e+03 ms eagerly (measured)"


def test_failing_compiler_is_told(no_use):
    memory.remember(NAME, FASTER)
    no_use(inductor.CompilerError("there is no C++ compiler"))

    with pytest.warns(UserWarning, match="there is no C\\+\\+ compiler. Training goes on without the compiler"):
        eager, line = Training().run(10)

    assert eager == 9  # the captured one was made as it was captured
    assert line == "eager: there is no C++ compiler"


def test_failing_helper_is_told(monkeypatch):
    monkeypatch.setattr(auto, "WORTH_IT", -10.0)
    monkeypatch.setattr(Helper, "result_is", {"error": "CppCompileError: C++ compile error"})

    with pytest.warns(UserWarning, match="CppCompileError"):
        _, line = Training().run(100)

    assert line == "eager: CppCompileError: C++ compile error"


def test_break_in_the_graph_names_the_line():
    memory.remember(NAME, FASTER)

    eager, line = Training(breaks=True).run(10)

    assert eager == 10
    assert "test_auto.py:" in line


def test_changed_attribute_begins_anew():
    memory.remember(NAME, FASTER)
    training = Training()
    training.run(10)

    training.seconds = 1e-4
    eager, line = training.run(10)

    assert eager <= 2
    assert line.startswith("compiled: ")


def test_smaller_batch_is_eager_and_compiles_nothing():
    memory.remember(NAME, FASTER)
    training = Training()
    before, _ = training.run(6)

    training.engine.step((torch.ones(1),))

    assert training.eager_steps == before + 1
    assert training.total.tolist() == [7.0] * 2


def test_unknown_length_trusts_the_past():
    training = Training()

    training.engine.begin(None)
    for _ in range(3):
        training.engine.step((torch.ones(2),))

    assert training.engine.left == 3

"""Plans: what runs a drawn model."""

import operator

import torch

from corekit.model.running import Plan, Slot, Step

X = torch.tensor([2.0])


def double(x):
    return x * 2


def chain():
    return [Step(double, (Slot(0),), {}, Slot(1)), Step(torch.neg, (Slot(1),), {}, Slot(2), freed=(1,))]


def test_row_needs_no_slots():
    plan = Plan(chain(), 3, Slot(0), Slot(2))

    assert plan._row == [double, torch.neg]
    assert plan.run_on_tensor(X).tolist() == plan.run([X]).tolist() == [-4.0]


def test_value_that_is_used_twice_makes_no_row():
    steps = [*chain(), Step(operator.add, (Slot(2), Slot(0)), {}, Slot(3))]
    plan = Plan(steps, 4, Slot(0), Slot(3))

    assert plan._row is None
    assert plan.run_on_tensor(X).tolist() == [-2.0]


def test_list_of_slots_arrives_as_a_list():
    seen = []
    plan = Plan([Step(seen.append, ([Slot(0), Slot(0)],), {}, Slot(1))], 2, Slot(0), Slot(1))

    plan.run_on_tensor(X)

    assert seen == [[X, X]]


def test_constants_and_keywords_are_filled_in():
    steps = [Step(torch.add, (Slot(0), 3.0), {"alpha": 2}, Slot(1)), Step(torch.split, (Slot(1), 1), {}, [Slot(2)])]

    assert Plan(steps, 3, Slot(0), Slot(2)).run_on_tensor(X).tolist() == [8.0]


def test_other_call_stands_in_for_a_step():
    steps = chain()
    plan = Plan(steps, 3, Slot(0), Slot(2))

    assert plan.calling({id(steps[1]): torch.exp}).run_on_tensor(X).item() == torch.exp(2 * X).item()
    assert plan.run_on_tensor(X).item() == -4.0
    assert plan.calling({}) is plan

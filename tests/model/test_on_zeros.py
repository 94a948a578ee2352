"""Operations on meta tensors, answered by zeros."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from corekit.model.on_zeros import OnZeros, without_compiler


@pytest.fixture(autouse=True)
def _with_time_left(monkeypatch):
    monkeypatch.setattr(OnZeros, "spent", 0.0)


@pytest.fixture
def asked(monkeypatch):
    """Return a list of the names of operations that zeros were asked for."""
    from corekit.model import on_zeros

    names, ask = [], on_zeros._on_zeros

    def note(func, args, kwargs):
        result = ask(func, args, kwargs)
        names.append(func.overloadpacket.__name__)
        return result

    monkeypatch.setattr(on_zeros, "_on_zeros", note)
    return names


def meta(*shape, dtype=None):
    return torch.empty(shape, dtype=dtype, device="meta")


X, NUMBERS = meta(2, 6, 4), meta(2, 6, dtype=torch.int64)
CALLS = {
    "relu": lambda: torch.relu(X),
    "compare": lambda: X > 0,
    "promote": lambda: NUMBERS.unsqueeze(-1) + X,
    "matmul": lambda: X @ meta(4, 5),
    "transposed": lambda: (X.transpose(1, 2) * 2).exp(),
    "expanded": lambda: meta(1, 1, 4).expand(2, 6, 4).sin(),
    "sums": lambda: X.sum(dim=(0, 2), keepdim=True),
    "max": lambda: X.max(dim=1),
    "split": lambda: X.mul(2).chunk(3, dim=1),
    "cat": lambda: torch.cat([X, X[:, :1]], dim=1),
    "arange": lambda: torch.arange(6, device="meta"),
    "rows": lambda: X[:, torch.zeros(3, dtype=torch.int64, device="meta")],
    "embedding": lambda: functional.embedding(NUMBERS, meta(9, 4)),
    "gather": lambda: X.gather(2, NUMBERS.unsqueeze(-1)),
    "in place": lambda: torch.relu_(X + 1).mul_(2),
    "half": lambda: X.to(torch.bfloat16) * 2,
    "attention": lambda: functional.scaled_dot_product_attention(X, X, X, is_causal=True),
    "empty": lambda: X[:, :0].relu(),
    "conv": lambda: functional.conv1d(X, meta(3, 6, 2)),
    "pool": lambda: functional.max_pool1d(X, 2),
    "layer norm": lambda: functional.layer_norm(X, (4,)),
    "one number": lambda: X.mean() + torch.tensor(2.0),
    "mask": lambda: X.masked_fill(X > 0, float("-inf")).softmax(-1),
}


def seen(results):
    tensors = results if isinstance(results, tuple) else (results,)
    return [(t.device, t.shape, t.stride(), t.dtype) for t in tensors]


@pytest.mark.parametrize("name", CALLS)
def test_operation_gives_what_torch_gives_on_meta(name, asked):
    expected = CALLS[name]()

    with OnZeros():
        found = CALLS[name]()

    assert seen(found) == seen(expected)
    assert asked


@pytest.mark.parametrize("module", [nn.LSTM(4, 3, batch_first=True), nn.BatchNorm1d(6), nn.Dropout(0.5)])
def test_module_gives_what_torch_gives_on_meta(module):
    module = module.to("meta").train()
    expected = module(X)

    with OnZeros():
        found = module(X)

    for one, other in zip(*([r[0]] if isinstance(r, tuple) else [r] for r in (found, expected)), strict=True):
        assert (one.device, one.shape, one.dtype) == (other.device, other.shape, other.dtype)


def test_in_place_result_is_its_argument():
    x = meta(2, 3)

    with OnZeros():
        assert x.add_(1) is x


def test_result_of_out_is_its_argument():
    x, out = meta(2, 3), meta(2, 3)

    with OnZeros():
        assert torch.add(x, x, out=out) is out


def test_random_numbers_are_not_drawn(asked):
    before = torch.get_rng_state()

    with OnZeros():
        functional.dropout(meta(2, 3), 0.5)
        meta(2, 3).bernoulli()

    assert {"bernoulli_", "bernoulli"} <= set(asked)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("read", [lambda x: bool(x.sum() > 0), lambda x: x.max().item(), lambda x: x[x > 0]])
def test_what_values_decide_is_torchs_error(read):
    with OnZeros(), pytest.raises((RuntimeError, NotImplementedError)) as found:
        read(X)
    with pytest.raises((RuntimeError, NotImplementedError)) as expected:
        read(X)

    assert str(found.value) == str(expected.value)


def test_wrong_shape_is_torchs_error():
    with OnZeros(), pytest.raises(RuntimeError) as found:
        X @ meta(5, 4)
    with pytest.raises(RuntimeError) as expected:
        X @ meta(5, 4)

    assert str(found.value) == str(expected.value)


def test_what_fails_on_zeros_is_left_to_torch(asked):
    with OnZeros():
        assert meta(2, 3).multinomial(2).shape == (2, 2)

    assert asked == []


def test_real_tensors_are_computed(asked):
    with OnZeros():
        assert (torch.ones(2) + torch.ones(2)).tolist() == [2.0, 2.0]

    assert asked == []


def test_large_operation_is_left_to_torch(asked):
    with OnZeros():
        assert meta(2**12, 2**12).relu().shape == (2**12, 2**12)

    assert asked == []


def test_spent_budget_leaves_all_to_torch(asked, monkeypatch):
    monkeypatch.setattr(OnZeros, "spent", 1.0)

    with OnZeros():
        meta(2, 3).relu()

    assert asked == []


def test_another_mode_is_not_disturbed():
    with OnZeros():
        assert not isinstance(without_compiler(), OnZeros)

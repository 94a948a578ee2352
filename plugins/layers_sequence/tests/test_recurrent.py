import copy
import shutil

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from corekit.errors import ArgumentError, ShapeError
from corekit.layers import GRU, LSTM
from corekit.utils import set_random_seed

both = pytest.mark.parametrize("cls", [LSTM, GRU])


def built(cls, **arguments):
    layer = cls(4, **arguments)
    layer(torch.randn(3, 6, 2))
    return layer


def test_lstm_matches_torch():
    torch_layer = torch.nn.LSTM(2, 4, batch_first=True)
    layer, x = built(LSTM, return_sequences=True, return_state=True), torch.randn(3, 6, 2)
    own = dict(torch_layer.named_parameters())
    layer.load_state_dict(
        {
            "kernel": own["weight_ih_l0"].T,
            "recurrent_kernel": own["weight_hh_l0"].T,
            "bias": own["bias_ih_l0"] + own["bias_hh_l0"],
        }
    )

    y, h, c = layer(x)

    expected, (last, carry) = torch_layer(x)
    torch.testing.assert_close((y, h, c), (expected, last[0], carry[0]))


def test_forget_gate_starts_open():
    layer = built(LSTM)

    assert layer.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    assert not built(LSTM, unit_forget_bias=False).bias.any()


def test_recurrent_kernel_starts_orthogonal():
    kernel = built(LSTM).recurrent_kernel

    torch.testing.assert_close(kernel @ kernel.T, torch.eye(4))


@both
@pytest.mark.parametrize("arguments", [{"use_bias": False}, {}, {"return_sequences": True}], ids=str)
def test_loop_agrees_with_the_fused_kernel(cls, arguments):
    layer, x = built(cls, **arguments), torch.randn(3, 6, 2)
    looped = copy.deepcopy(layer)
    looped._is_plain = False

    torch.testing.assert_close(looped(x), layer(x))


@both
def test_states_carry_on_where_they_stopped(cls):
    layer, x = built(cls, return_sequences=True, return_state=True), torch.randn(3, 6, 2)
    whole = layer(x)

    first, *states = layer(x[:, :4])
    second = layer(x[:, 4:], initial_state=states)

    torch.testing.assert_close(torch.cat([first, second[0]], dim=1), whole[0])
    torch.testing.assert_close(second[1:], whole[1:])


@both
def test_gradients_flow_in_inference_mode(cls):
    layer, x = built(cls), torch.randn(3, 6, 2, requires_grad=True)

    layer(x).sum().backward()

    assert not layer.training
    assert x.grad.any()


@both
@pytest.mark.parametrize("rates", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}], ids=str)
def test_dropout_acts_in_training_only(cls, rates):
    layer, x = built(cls, **rates), torch.ones(50, 6, 2)  # 100 decisions or more: never twice the same

    assert torch.equal(layer(x), layer(x))
    assert not torch.equal(layer(x, training=True), layer(x, training=True))


@both
def test_dropout_masks_stay_for_all_steps(cls):
    layer, x = built(cls, dropout=0.5), torch.ones(3, 6, 2)
    plain = copy.deepcopy(layer)
    plain.dropout = 0.0
    set_random_seed(3)
    dropped = layer(x, training=True)
    set_random_seed(3)

    mask = torch.nn.functional.dropout(torch.ones(3, 2), 0.5)

    torch.testing.assert_close(dropped, plain(x * mask[:, None]))


# Traced and compiled: one operation, with the same numbers


def loss_of(layer):
    def loss(weights, x):
        return torch.func.functional_call(layer, weights, (x,)).square().sum()

    return loss


def weights_of(layer):
    return {name: weight.detach() for name, weight in layer.named_parameters()}


def eager(layer, x):
    total = layer(x).square().sum()
    return dict(zip(weights_of(layer), torch.autograd.grad(total, list(layer.parameters())), strict=True)), total


@both
def test_func_grad_agrees_with_autograd(cls):
    layer, x = built(cls), torch.randn(3, 6, 2)

    found = torch.func.grad_and_value(loss_of(layer))(weights_of(layer), x)

    torch.testing.assert_close(found, eager(layer, x))


@both
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_traced_step_holds_one_operation(cls, mode):
    layer, x = built(cls), torch.randn(3, 6, 2)
    step = torch.func.functionalize(torch.func.grad_and_value(loss_of(layer)))

    graph = make_fx(step, tracing_mode=mode)(weights_of(layer), x)

    calls = [str(node.target) for node in graph.graph.nodes if "corekit_layers_sequence" in str(node.target)]
    assert len(calls) == 2
    assert len(graph.graph.nodes) < 60
    torch.testing.assert_close(graph(weights_of(layer), x), eager(layer, x))


@both
def test_opaque_operation_passes_torchs_checks(cls):
    layer, x, h = built(cls), torch.randn(3, 6, 2, requires_grad=True), torch.zeros(3, 4)
    states = (h, h) if cls is LSTM else (h,)
    operation = getattr(torch.ops.corekit_layers_sequence, cls.__name__.lower()).default
    arguments = (x, *states, layer.kernel, layer.recurrent_kernel, layer.bias)

    torch.library.opcheck(
        operation, arguments, test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_static")
    )


@pytest.mark.parametrize(("cls", "apart"), [(LSTM, 0), (GRU, 2**-8)])  # on a CPU torch's GRU rounds at every step
def test_compiled_step_is_as_coarse_as_the_eager_one(cls, apart):
    layer = built(cls, return_sequences=True, dtype="mixed_bfloat16")
    x = torch.randn(3, 6, 2)

    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")

    assert compiled(x).dtype == torch.bfloat16
    torch.testing.assert_close(compiled(x), layer(x), rtol=0, atol=apart)
    layer.zero_grad()
    compiled(x).float().square().sum().backward()
    assert {weight.grad.dtype for weight in layer.parameters()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # Inductor's own import
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="Inductor needs a C++ compiler")
@both
def test_inductor_keeps_the_numbers(cls):
    layer, x = built(cls), torch.randn(3, 6, 2)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True)

    total = compiled(x).square().sum()
    found = torch.autograd.grad(total, list(layer.parameters()))

    torch.testing.assert_close((dict(zip(weights_of(layer), found, strict=True)), total), eager(layer, x))


# Errors


@both
def test_stateful_says_what_to_write(cls):
    with pytest.raises(ArgumentError, match=r"stateful=True\).*\n.*return_state=True"):
        cls(4, stateful=True)


@both
def test_mask_is_refused_with_a_way_out(cls):
    with pytest.raises(ArgumentError, match=r"a mask is not supported; every step counts\.\n  Pad at the start"):
        cls(4)(torch.randn(3, 6, 2), mask=torch.ones(3, 6))


@both
def test_seed_is_refused_with_the_line_to_write(cls):
    with pytest.raises(ArgumentError, match=r"corekit\.utils\.set_random_seed\(7\)"):
        cls(4, seed=7)


@both
@pytest.mark.parametrize("units", [0, 2.5, "many", True], ids=repr)
def test_units_must_be_a_whole_number(cls, units):
    with pytest.raises(ArgumentError, match=rf"{cls.__name__}\(units=.*\): expected a whole number from 1"):
        cls(units)


@both
def test_rates_must_be_probabilities(cls):
    with pytest.raises(ArgumentError, match=r"recurrent_dropout=1\.5\): expected a number from 0 to 1"):
        cls(4, recurrent_dropout=1.5)


@both
def test_input_without_steps_is_told(cls):
    with pytest.raises(ShapeError, match=rf"{cls.__name__} expects \(batch, steps, features\), got \(batch, 2\)"):
        cls(4)(torch.randn(3, 2))
    with pytest.raises(ShapeError, match=r"one step or more, got \(3, 0, 2\)"):
        built(cls)(torch.randn(3, 0, 2))


@both
def test_other_feature_count_than_built_is_named(cls):
    with pytest.raises(ShapeError, match=r"was built for \(batch, steps, 2\), got \(3, 6, 5\)"):
        built(cls)(torch.randn(3, 6, 5))


@both
def test_wrong_initial_state_is_told(cls):
    with pytest.raises(ShapeError, match=r"needs \d initial states of shape \(3, 4\), got \(3, 5\)"):
        built(cls)(torch.randn(3, 6, 2), initial_state=torch.zeros(3, 5))

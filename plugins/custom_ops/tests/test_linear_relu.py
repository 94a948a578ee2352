import pathlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import corekit_custom_ops.linear_relu as op_module
import pytest
import torch
from corekit_custom_ops.linear_relu import implementation, linear_relu, linear_relu_reference
from torch import Tensor

from corekit.errors import ArgumentError, ArgumentTypeError, CorekitError, ShapeError

OP = torch.ops.corekit_custom_ops.linear_relu.default


def make_inputs(*shape: int, out: int = 5, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return (
        torch.randn(shape, dtype=dtype),
        torch.randn(shape[-1], out, dtype=dtype),
        torch.randn(out, dtype=dtype),
    )


def make_leaves(*shape: int, out: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    x, kernel, bias = make_inputs(*shape, out=out, dtype=torch.float64)
    return x.requires_grad_(), kernel.requires_grad_(), bias.requires_grad_()


# Values


@pytest.mark.parametrize("shape", [(3,), (4, 3), (1, 3), (2, 4, 3), (2, 1, 4, 3), (0, 3), (2, 0, 3), (4, 0)])
def test_value_matches_hand_formula(shape: tuple[int, ...]) -> None:
    x, kernel, bias = make_inputs(*shape)

    y = linear_relu(x, kernel, bias)

    # assert_close's own float32 tolerance: the two sum 3 products in another order
    torch.testing.assert_close(y, (x @ kernel + bias).clamp(min=0))


def test_missing_bias_adds_nothing() -> None:
    x, kernel, _ = make_inputs(4, 3)

    torch.testing.assert_close(linear_relu(x, kernel), (x @ kernel).clamp(min=0))


def test_nan_is_not_hidden() -> None:
    x, kernel, bias = make_inputs(4, 3)
    x[1, 0] = torch.nan

    y = linear_relu(x, kernel, bias)

    assert y.isnan().all(dim=1).tolist() == [False, True, False, False]


def test_meta_tensors_give_shape() -> None:
    x, kernel, bias = (t.to("meta") for t in make_inputs(2, 4, 3))

    y = linear_relu(x, kernel, bias)

    assert (y.device.type, y.shape) == ("meta", (2, 4, 5))


# Gradients


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
def test_gradient_matches_finite_differences(shape: tuple[int, ...]) -> None:
    assert torch.autograd.gradcheck(linear_relu, make_leaves(*shape))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 2, 3)])
def test_second_gradient_matches_finite_differences(shape: tuple[int, ...]) -> None:
    assert torch.autograd.gradgradcheck(linear_relu, make_leaves(*shape))


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_one_gradient_alone_is_right(wanted: int) -> None:
    inputs = [t.detach() for t in make_leaves(4, 3)]
    inputs[wanted].requires_grad_()

    linear_relu(*inputs).sum().backward()

    (expected,) = torch.autograd.grad(linear_relu_reference(*inputs).sum(), inputs[wanted])
    torch.testing.assert_close(inputs[wanted].grad, expected)


def test_frozen_kernel_keeps_no_input() -> None:
    x, kernel, bias = (t.detach() for t in make_leaves(4, 3))

    y = linear_relu(x, kernel, bias.requires_grad_())

    assert [t is None for t in y.grad_fn.saved_tensors] == [True, True, False]


def test_empty_inner_dim_has_gradient() -> None:
    x, kernel, bias = make_leaves(4, 0)

    linear_relu(x, kernel, bias).sum().backward()

    assert (x.grad.shape, kernel.grad.shape) == ((4, 0), (0, 5))
    assert bias.grad.tolist() == [4.0 if b > 0 else 0.0 for b in bias]


def test_nan_gradient_is_torchs_own() -> None:
    x, kernel, bias = make_leaves(4, 3)
    bias.data[0] = torch.nan

    (mine,) = torch.autograd.grad(linear_relu(x, kernel, bias).sum(), bias)

    (torchs,) = torch.autograd.grad(linear_relu_reference(x, kernel, bias).sum(), bias)
    torch.testing.assert_close(mine, torchs, equal_nan=True)


# torch's machinery


def test_exports_with_dynamic_batch() -> None:
    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            _, kernel, bias = make_inputs(4, 3)
            self.kernel, self.bias = torch.nn.Parameter(kernel), torch.nn.Parameter(bias)

        def forward(self, x: Tensor) -> Tensor:
            return linear_relu(x, self.kernel, self.bias)

    layer, batch = Layer(), torch.export.Dim("batch")

    program = torch.export.export(layer, (torch.randn(4, 3),), dynamic_shapes=({0: batch},))

    x = torch.randn(9, 3)
    torch.testing.assert_close(program.module()(x), layer(x))
    assert OP in [node.target for node in program.graph.nodes]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_dtype_is_followed(dtype: torch.dtype) -> None:
    x, kernel, bias = make_inputs(4, 3)

    with torch.autocast("cpu", dtype=dtype):
        y = linear_relu(x.to(dtype), kernel, bias)  # as after another autocast layer

    torch.testing.assert_close(y, linear_relu_reference(x.to(dtype), kernel.to(dtype), bias.to(dtype)))


def test_autocast_gradients_keep_dtype() -> None:
    inputs = [t.requires_grad_() for t in make_inputs(4, 3)]

    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = linear_relu(*inputs)
    y.float().sum().backward()

    assert {t.grad.dtype for t in inputs} == {torch.float32}


def test_autocast_leaves_float64_alone() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = linear_relu(*make_inputs(4, 3, dtype=torch.float64))

    assert y.dtype == torch.float64


def test_autocast_compiles_without_graph_break() -> None:
    compiled = torch.compile(linear_relu, fullgraph=True, backend="aot_eager")

    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = compiled(*make_inputs(4, 3))

    assert y.dtype == torch.bfloat16


# Which code runs


@pytest.fixture
def without_triton(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    caches = (op_module._load_triton_kernel, op_module._warn_without_triton)
    monkeypatch.setitem(sys.modules, "triton", None)  # type: ignore[arg-type]  # None makes the import fail
    monkeypatch.delitem(sys.modules, "corekit_custom_ops.linear_relu_triton", raising=False)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_cpu_tensors_get_reference() -> None:
    assert implementation(torch.device("cpu")) == "reference"


def test_missing_triton_is_admitted(without_triton: None) -> None:
    assert implementation("cuda") == "reference"


def test_missing_triton_warns_once(without_triton: None) -> None:
    inputs = make_inputs(4, 3)

    with pytest.warns(UserWarning, match="Triton cannot be imported"):
        op_module._linear_relu_cuda(*inputs)

    y = op_module._linear_relu_cuda(*inputs)  # a second warning would be an error here
    torch.testing.assert_close(y, linear_relu_reference(*inputs))


def test_package_import_leaves_torch_out() -> None:
    code = "import sys, corekit_custom_ops; sys.exit('torch' in sys.modules or 'triton' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_entry_point_names_the_function() -> None:
    metadata = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())

    entry = metadata["project"]["entry-points"]["corekit.ops"]["linear_relu"]

    assert entry == f"{linear_relu.__module__}:{linear_relu.__qualname__}"


# Errors


def test_scalar_x_is_named() -> None:
    with pytest.raises(ShapeError, match=r"x without dims.*needs x \(\.\.\., in\)"):
        linear_relu(torch.tensor(1.0), torch.ones(3, 5))


def test_flat_kernel_is_named() -> None:
    with pytest.raises(ShapeError, match=r"1-D kernel of shape \(3,\), and needs kernel \(in, out\)"):
        linear_relu(torch.ones(4, 3), torch.ones(3))


def test_torch_layout_kernel_names_fix() -> None:
    with pytest.raises(ShapeError, match=r"x \(4, 3\) by kernel \(5, 3\): 3 is not 5[\s\S]*linear\.weight\.T"):
        linear_relu(torch.ones(4, 3), torch.ones(5, 3))


@pytest.mark.parametrize("shape", [(3,), (1,), (1, 5), ()])
def test_wrong_bias_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"got bias \(.*\) for kernel \(3, 5\), and needs bias \(5,\)"):
        linear_relu(torch.ones(4, 3), torch.ones(3, 5), torch.ones(shape))


@pytest.mark.parametrize("name", ["kernel", "bias"])
def test_other_dtype_is_named(name: str) -> None:
    inputs = {"x": torch.ones(4, 3), "kernel": torch.ones(3, 5), "bias": torch.ones(5)}
    inputs[name] = inputs[name].double()

    with pytest.raises(ArgumentTypeError, match=rf"float32 but {name} of dtype torch\.float64.*\n.*{name}\.to\("):
        linear_relu(**inputs)


def test_integer_x_names_conversion() -> None:
    with pytest.raises(ArgumentTypeError, match=r"dtype torch\.int64, and needs a floating[\s\S]*torch\.float32"):
        linear_relu(torch.ones(4, 3, dtype=torch.int64), torch.ones(3, 5))


def test_other_device_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"x on cpu but kernel on meta.*\n.*kernel\.to\(x\.device\)"):
        linear_relu(torch.ones(4, 3), torch.ones(3, 5, device="meta"))


def test_errors_belong_to_corekit() -> None:
    with pytest.raises(CorekitError):
        linear_relu(torch.ones(4, 3), torch.ones(5, 3))


def test_compiled_call_gives_same_error() -> None:
    compiled = torch.compile(linear_relu, backend="aot_eager")

    with pytest.raises(ShapeError, match=r"3 is not 5"):
        compiled(torch.ones(4, 3), torch.ones(5, 3))

import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch
from corekit_custom_ops.linear_relu import implementation, linear_relu, linear_relu_reference

pytest.importorskip("triton", reason="Triton is not installed, so its kernel cannot run, not even interpreted")

cuda = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

DTYPES = ["float32", "float16", "bfloat16"]
# Blocks are 16 to 64 rows, 32 inner steps and 64 or 128 columns: below, at and above each of them.
SIZES = [
    ([1, 1], 1),
    ([3, 5], 7),
    ([17, 33], 65),
    ([65, 70], 129),
    ([64, 32], 128),
    ([2, 3, 40], 50),
    ([9], 4),
]
CASES = {
    **{f"{shape}-{out}-{dtype}": (shape, out, dtype, {}) for shape, out in SIZES for dtype in DTYPES},
    **{f"no-bias-{dtype}": ([5, 40], 66, dtype, {"has_bias": False}) for dtype in DTYPES},
    **{f"strided-{dtype}": ([18, 37], 70, dtype, {"strided": True}) for dtype in DTYPES},
    "empty-batch": ([0, 4], 3, "float32", {}),
    "empty-inner": ([3, 0], 4, "float32", {}),
    "no-outputs": ([3, 4], 0, "float32", {}),
    "many-row-blocks": ([600, 8], 130, "float32", {}),  # more than one group of row blocks
    "nan": ([3, 5], 7, "float32", {"nan": True}),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, str]:
    cases = [{"shape": shape, "out": out, "dtype": dtype, **more} for shape, out, dtype, more in CASES.values()]
    child = subprocess.run(
        [sys.executable, "-W", "error", str(pathlib.Path(__file__).with_name("run_interpreted.py"))],
        input=json.dumps(cases),
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return dict(zip(CASES, json.loads(child.stdout), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_interpreted_kernel_matches_reference(verdicts: dict[str, str], case: str) -> None:
    assert verdicts[case] == ""


@pytest.mark.skipif("TRITON_INTERPRET" in os.environ, reason="TRITON_INTERPRET leaves nothing to compile")
@pytest.mark.parametrize("pointer", ["*fp32", "*bf16"])
def test_kernel_compiles_without_device(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, pointer: str) -> None:
    # The interpreter forgives what the compiler refuses (annotations, globals), so it alone proves too little.
    import triton
    from corekit_custom_ops.linear_relu_triton import _linear_relu_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    constants = {
        "block_rows": 16,
        "block_in": 32,
        "block_out": 64,
        "row_blocks_per_group": 8,
        "bias_stride": 1,
    }
    signature = {
        name: "constexpr" if name in constants else pointer if name.endswith("_ptr") else "i32"
        for name in _linear_relu_kernel.arg_names
    }

    compiled = triton.compile(
        ASTSource(_linear_relu_kernel, signature, constants),
        target=GPUTarget("cuda", 80, 32),
        options={"enable_fp_fusion": True},
    )

    assert ".visible .entry _linear_relu_kernel" in compiled.asm["ptx"]


def test_cuda_tensors_get_triton() -> None:
    assert implementation("cuda") == "triton"


def test_float64_gets_reference_on_cuda() -> None:
    assert implementation("cuda", dtype=torch.float64) == "reference"


class TestOnCuda:
    pytestmark = cuda

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
    @pytest.mark.parametrize(("shape", "out"), [*SIZES, ([0, 4], 3), ([3, 0], 4), ([1000, 784], 300)])
    def test_value_matches_reference(self, shape: list[int], out: int, dtype: torch.dtype) -> None:
        x, kernel, bias = make_inputs(shape, out, dtype)

        y = linear_relu(x, kernel, bias)

        exact = linear_relu_reference(x.double(), kernel.double(), bias.double())
        # One rounding to the dtype, and float32's error in sums of up to 784 products of size one.
        rtol, atol = (max(torch.finfo(dtype).eps, 1e-5), 1e-4) if dtype != torch.float64 else (1e-12, 1e-12)
        torch.testing.assert_close(y, exact.to(dtype), rtol=rtol, atol=atol)

    def test_gradient_matches_reference(self) -> None:
        inputs = [t.requires_grad_() for t in make_inputs([2, 9, 33], 17, torch.float32)]
        twins = [t.detach().double().requires_grad_() for t in inputs]

        linear_relu(*inputs).square().sum().backward()

        linear_relu_reference(*twins).square().sum().backward()
        for tensor, twin in zip(inputs, twins, strict=True):
            # float32's error, relative to the largest entry: sums of up to 18 terms of size 100
            atol = 1e-5 * float(twin.grad.abs().max())
            torch.testing.assert_close(tensor.grad.double(), twin.grad, rtol=1e-4, atol=atol)

    def test_gradient_matches_finite_differences(self) -> None:
        inputs = [t.requires_grad_() for t in make_inputs([4, 3], 5, torch.float64)]

        assert torch.autograd.gradcheck(linear_relu, inputs)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_opcheck_passes(self, dtype: torch.dtype) -> None:
        inputs = tuple(t.requires_grad_() for t in make_inputs([6, 4], 5, dtype))

        torch.library.opcheck(torch.ops.corekit_custom_ops.linear_relu.default, inputs)

    def test_autocast_computes_in_bfloat16(self) -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            y = linear_relu(*make_inputs([6, 4], 5, torch.float32))

        assert y.dtype == torch.bfloat16

    def test_mixed_devices_are_named(self) -> None:
        x, kernel, bias = make_inputs([6, 4], 5, torch.float32)

        with pytest.raises(ValueError, match=r"x on cuda:0 but kernel on cpu"):
            linear_relu(x, kernel.cpu(), bias)


def make_inputs(shape: list[int], out: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    sizes = (shape, [shape[-1], out], [out])
    x, kernel, bias = (torch.randn(size, dtype=torch.float64).to("cuda", dtype) for size in sizes)
    return x, kernel, bias

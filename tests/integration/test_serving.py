"""The blocks of docs/serving.md run as printed, each in a process of its own, in one folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.slow
def test_page_runs_as_printed(tmp_path):
    pytest.importorskip("onnxruntime", reason="the page needs the extra `export`")

    told = [run(block, tmp_path) for block in BLOCKS]

    assert len(told) == 4
    assert re.search(r"digits.onnx: .* takes pixels \(batch, 64\) float32; gives digit; onnxruntime gives", told[0])
    assert [text.splitlines()[-1] for text in told] == ["True", "False", "False", "True"]  # whether corekit was there
    assert {"digits.onnx", "digits.pt2", "square.pt2"} <= {path.name for path in tmp_path.iterdir()}


def run(block, folder):
    code = f"{block}\nimport sys\nprint('corekit' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout

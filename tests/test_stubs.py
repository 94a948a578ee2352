"""The generated files agree with the plugins' entry points."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "scripts" / "write_stubs.py"


def test_generated_files_are_up_to_date() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True)

    assert run.returncode == 0, run.stdout

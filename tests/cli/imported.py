"""What a command imports, in a process of its own."""

import subprocess
import sys

HEAVY = ("torch", "numpy", "norms")
"""What no command that reads a file may import; `norms` is the module of the tests' plugin."""


def heavy_after(*words: object) -> tuple[str, str]:
    """Run `corekit` with these words; return what it wrote, and the heavy modules that it imported, as a set's text."""
    code = (
        "import sys; from corekit.cli import group\n"
        "sys.argv[0] = 'corekit'\n"
        "try: group()\nexcept SystemExit: pass\n"
        f"print(); print({set(HEAVY)!r} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, _, heavy = done.stdout.rstrip().rpartition("\n")
    return said, heavy

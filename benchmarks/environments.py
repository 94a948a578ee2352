"""The interpreters: corekit and the torch loops run in ours, each peer in an environment of its own, made on demand.

    python -m benchmarks.environments lightning skorch     # make these now

Plain pip, held to `requirements/constraints.txt`; the environments lie in `benchmarks/.envs`, which git ignores.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / ".envs"
PEERS = ("keras_torch", "keras_tf", "keras_jax", "lightning", "skorch", "fastai")


class InstallError(Exception):
    """A peer's environment could not be made; the message is pip's last word."""


def interpreter(framework: str) -> Path:
    """Return the Python that runs a framework, installing what is missing.

    Raises:
        InstallError: pip could not install it.
    """
    if framework not in PEERS:
        return Path(sys.executable)
    folder = FOLDER / framework
    wanted = "".join(source.read_text() for source in sources(framework))
    mark = folder / "installed.txt"  # what it was made from; made again when that has changed
    if not (mark.exists() and mark.read_text() == wanted):
        print(f"installing {framework} into {folder}", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        constraint, listed, *more = sources(framework)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--constraint", str(constraint), "--requirement", str(listed)])
        for bare in more:
            _run([*pip, "--no-deps", "--requirement", str(bare)])
        mark.write_text(wanted)
    return folder / "bin/python"


def sources(framework: str) -> list[Path]:
    """Return the constraints, the requirements, and what must be installed without its own requirements."""
    folder = HERE / "requirements"
    bare = folder / f"{framework}.no-deps.txt"
    return [folder / "constraints.txt", folder / f"{framework}.txt", *([bare] if bare.exists() else [])]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise InstallError((said or ["no message"])[-1].strip())


if __name__ == "__main__":
    for name in sys.argv[1:] or PEERS:
        try:
            interpreter(name)
        except InstallError as error:
            print(f"{name}: {error}")

import ast
import subprocess
import sys
from pathlib import Path

import corekit_layers_basic
import pytest

from corekit.registry import registry

MODULES = sorted(Path(corekit_layers_basic.__file__).parent.glob("*.py"))
SHARED = {f"corekit_layers_basic.{name}" for name in ("drawing", "scaling", "shapes")}


def test_package_imports_nothing():
    script = "import corekit_layers_basic, sys; print('torch' in sys.modules or 'corekit' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"


def test_each_layer_has_a_module_of_its_own():
    layers = [c for c in registry.components("layers") if c.distribution == "corekit-layers-basic"]

    assert len({c.targets[c.name].partition(":")[0] for c in layers}) == len(layers)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_imports_the_public_face_only(path):
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = {node.module for node in imports if node.module.partition(".")[0].startswith("corekit")}

    assert ours <= {"corekit", "corekit.errors", *SHARED}

"""What `make demo` runs: the installed plugins, then three models that learn real handwriting, are saved, loaded and
asked again. Ends with exit code 1 if a model stays below 92 % or predicts anything else after loading.

    python examples/demo.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import custom_layer
import functional
import numpy as np
import sequential
from digits import load

import corekit as ck

WANTED = 0.92


def show(title: str) -> None:
    print(f"\n=== {title} ".ljust(100, "="), flush=True)


def run(name: str, model: ck.Model, folder: Path) -> float:
    (x_train, y_train), (x_test, y_test) = load()
    show(f"{name}: training")
    model.fit(x_train, y_train, epochs=5, validation_data=(x_test, y_test))
    model.summary()
    accuracy: float = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    path = folder / f"{name}.safetensors"
    model.save(path)
    loaded = ck.load_model(path)
    same = np.array_equal(model.predict(x_test, verbose=0), loaded.predict(x_test, verbose=0))
    digits = loaded.predict(x_test[:12], verbose=0).argmax(axis=1)
    print(f"held-out accuracy {accuracy:.3f}; saved {path.stat().st_size / 1024:.0f} KiB; "
          f"predictions after loading {'equal bit for bit' if same else 'DIFFER'}")  # fmt: skip
    print(f"twelve held-out digits read {digits.tolist()}, written {y_test[:12].argmax(axis=1).tolist()}")
    if not same:
        raise SystemExit(f"{name}: the loaded model predicts something else")
    return accuracy


def main() -> int:
    show("installed plugins (corekit list)")
    subprocess.run([sys.executable, "-m", "corekit", "list"], check=True)
    ck.utils.set_random_seed(0)
    models = {"sequential": sequential, "functional": functional, "custom_layer": custom_layer}
    with tempfile.TemporaryDirectory() as folder:
        found = {name: run(name, module.make(), Path(folder)) for name, module in models.items()}
    show("held-out accuracy on 1,000 digits")
    for name, accuracy in found.items():
        print(f"{name:14} {accuracy:.3f}")
    return 0 if min(found.values()) >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

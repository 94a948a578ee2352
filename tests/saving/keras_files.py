"""Keras files made by hand: of layers of the tests' own, and of whatever a stranger might write into one."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

h5py: Any = __import__("h5py")


def entrance(size: int = 3, name: str = "x") -> dict[str, Any]:
    """Return the record of an input of rows."""
    config = {"batch_shape": [None, size], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}


def scale(name: str = "scale", **changes: Any) -> dict[str, Any]:
    """Return the record of a layer Scale of somebody's module."""
    config = {"name": name, "trainable": True, "dtype": "float32", "start": 1.5}
    record = {"module": "somewhere.layers", "class_name": "Scale", "config": config, "registered_name": "Some>Scale"}
    return record | changes


def row(*layers: dict[str, Any], size: int = 3) -> dict[str, Any]:
    """Return the record of a Sequential."""
    config = {"name": "row", "trainable": True, "layers": [entrance(size), *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def weights(arrays: dict[str, Any] | None = None) -> bytes:
    """Return an HDF5 file with arrays by path; default those of one Scale."""
    given = arrays or {
        "layers/scale/vars/0": np.array([1.0, 2.0, 3.0], "float32"),
        "layers/scale/vars/1": np.float32(0.5),
        "layers/scale/vars/2": np.int64(7),
    }
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, array in given.items():
            file[path] = array
    return content.getvalue()


def members(config: Any = None, h5: bytes | None = None, version: str = "3.15.1") -> dict[str, bytes]:
    """Return the three members of a file."""
    return {
        "metadata.json": json.dumps({"keras_version": version, "date_saved": "2026-01-01@00:00:00"}).encode(),
        "config.json": json.dumps(row(scale()) if config is None else config).encode(),
        "model.weights.h5": weights() if h5 is None else h5,
    }


def write(path: Path, contents: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED) -> Path:
    """Write a `.keras` file."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in (members() if contents is None else contents).items():
            file.writestr(name, content)
    return path

"""A file that was changed at random is refused, or is a model with the weights that it says; never anything else.

MUTANTS=10000 tries that many of each sort, and other ones each time; the default is the same thousand.
"""

import copy
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch

import corekit as ck
from corekit.errors import LoadError
from corekit.saving import compiled, shards
from tests.integration import attacks_on_shards
from tests.integration.attacks import sealed, split, write_good

COUNT = int(os.environ.get("MUTANTS", "1000"))
SEED = int(os.environ.get("MUTANTS_SEED", random.randrange(2**32) if "MUTANTS" in os.environ else 0))
STRANGE = [
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**62, 0.5, -0.0, 1e308, "", "a", "hidden", "relu", "float64", "x" * 300,
    "\u202e", [], {}, [[]], [None], {"a": 1}, {"$tuple": []}, {"$slot": 1}, {"$slot": -1}, {"$layer": {}},
    {"$float": "nan"},
    {"$component": ["activations", "corekit-layers-basic:tanh"]}, {"$array": ["float32", [1], [1.0]]},
    {"$ellipsis": True},
]  # fmt: skip
OUTCOMES = {
    "model", "damaged", "not-corekit", "newer-format", "missing-part", "bad-description", "wrong-kind",
    "weights-differ", "too-large", "weights-only",
}  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "good.safetensors"
    write_good(path)
    return path.read_bytes()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in nested lists and dicts."""
    found = []
    left = [value]
    while left:
        one = left.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        found += [(one, key) for key in keys]
        left += [one[key] for key in keys]
    return found


def mutated(content: bytes, chance: random.Random, key: str = "") -> bytes:
    """Change a few places of the header or of the metadata in it, and make the digest true again.

    Args:
        content: of a file.
        chance: what to change, and how.
        key: of the metadata, to change mostly what it holds.
    """
    entries, data = split(content)
    inner = json.loads(entries.pop("__metadata__")["corekit"])
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        tree = inner if chance.random() < 0.8 else entries
        found = places(tree)
        if key and chance.random() < 0.8:
            found = [one for one in places(inner) if one[0] is inner.get(key) or one[1] in (key, "format")]
        if not found:
            continue
        (where, key), (other, other_key) = chance.choice(found), chance.choice(found)
        match chance.choice(("replace", "replace", "copy", "delete", "add", "nudge")):
            case "replace":
                where[key] = copy.deepcopy(chance.choice(STRANGE))
            case "copy":
                where[key] = json.loads(json.dumps(other[other_key]))
            case "delete":
                del where[key]
            case "add" if isinstance(where, dict):
                where[chance.choice(("id", "type", "name", "extra", "$slot"))] = copy.deepcopy(chance.choice(STRANGE))
            case "add":
                where.append(copy.deepcopy(chance.choice(STRANGE)))
            case "nudge" if type(where[key]) is int:
                where[key] += chance.choice((-1, 1, 2, 1000))
            case _:
                where[key] = f"{where[key]}x"
    return sealed(entries, inner, data)


def judge(path: Path, number: int) -> str:
    """Load a file: return the code that refused it, or "model" where it holds what the file says."""
    try:
        model = ck.load_model(path)
    except LoadError as error:
        return error.code or "no code"
    contents, data = shards.read(path)
    weights = model.named_weights()
    stored, _ = compiled.split(contents)
    assert weights.keys() == stored.keys(), number
    for name, weight in weights.items():
        assert weight.detach().numpy().tobytes() == bytes(data[name]), (number, name)
    return "model"


@pytest.mark.slow
def test_changed_description_is_refused_or_is_a_model(good: bytes, tmp_path: Path) -> None:
    print(f"MUTANTS_SEED={SEED}")
    path, outcomes = tmp_path / "m.safetensors", {}
    for number in range(COUNT):
        path.write_bytes(mutated(good, random.Random(SEED + number)))
        outcome = judge(path, SEED + number)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    assert outcomes.keys() <= OUTCOMES
    assert outcomes["model"] > 0.05 * COUNT  # else nothing but the door was tried
    assert sum(outcomes.values()) - outcomes["model"] > 0.3 * COUNT


@pytest.mark.slow
def test_changed_bytes_are_refused(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for number in range(COUNT):
        chance, content = random.Random(SEED + number), bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 10))):
            at = chance.randrange(len(content))
            match chance.choice(("flip", "set", "cut", "insert", "double")):
                case "flip":
                    content[at] ^= 1 << chance.randrange(8)
                case "set":
                    content[at] = chance.randrange(256)
                case "cut":
                    del content[at : at + chance.choice((1, 2, 50))]
                case "insert":
                    content[at:at] = chance.randbytes(chance.choice((1, 2, 50)))
                case "double":
                    content[at:at] = content[at : at + 40]
        path.write_bytes(content)
        if content == good:
            continue

        assert judge(path, SEED + number) != "model", SEED + number


@pytest.mark.slow
def test_changed_list_of_shards_is_refused_or_is_a_model(tmp_path: Path) -> None:
    path, outcomes = tmp_path / "m.safetensors", {}
    attacks_on_shards.write_good(path)
    good = path.read_bytes()
    for number in range(COUNT // 3):
        path.write_bytes(mutated(good, random.Random(SEED + number), "shards"))
        outcome = judge(path, SEED + number)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    assert outcomes.keys() <= OUTCOMES | {"not-found"}
    assert outcomes["damaged"] > 0.3 * COUNT // 3
    assert outcomes["not-found"] > 0


@pytest.mark.slow
def test_changed_shard_is_refused_or_is_a_model(tmp_path: Path) -> None:
    path, outcomes = tmp_path / "m.safetensors", {}
    for number in range(COUNT // 3):
        attacks_on_shards.write_good(path)
        content = attacks_on_shards.shard(path, 1).read_bytes()
        attacks_on_shards.relisted(path, 1, mutated(content, random.Random(SEED + number)))
        outcome = judge(path, SEED + number)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    assert outcomes.keys() <= OUTCOMES
    assert outcomes["damaged"] > 0.3 * COUNT // 3


@pytest.mark.slow
def test_every_single_bit_counts(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    length = int.from_bytes(good[:8], "little") + 8
    bits = range(8 * len(good)) if COUNT >= 10_000 else random.Random(0).sample(range(8 * len(good)), COUNT)
    for bit in bits:
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)

        with pytest.raises(LoadError) as caught:
            ck.load_model(path)

        assert bit // 8 < length or "tensor '" in str(caught.value), bit  # the damaged one is named


def test_an_unchanged_file_is_a_model(good: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(good)

    assert judge(tmp_path / "m.safetensors", 0) == "model"
    assert torch.is_tensor(ck.load_model(tmp_path / "m.safetensors")(torch.ones(1, 4)))

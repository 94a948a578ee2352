"""Files that a stranger might send: each is a good model with one thing wrong, and says how it must be refused.

An attack is called after the row of threats that it stands for, A01 to A26: code named in the configuration, switches
in the file, other formats, wrong types, hostile JSON, descriptions that ask for terabytes, tensors that overlap,
damage.
"""

import gzip
import hashlib
import io
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import corekit as ck
from corekit.saving.format import LARGEST_HEADER, canonical

Parts = tuple[dict[str, Any], bytes]
ANY_DAMAGE = "damaged"
BAD, MISSING, DIFFER = "bad-description", "missing-part", "weights-differ"


@dataclass(frozen=True)
class Attack:
    """A hostile file.

    Args:
        name: the row of threats, and what is done.
        code: of the LoadError that refuses it.
        make: from the bytes of the good file to those of the hostile one.
    """

    name: str
    code: str
    make: Callable[[bytes], bytes]


def good_model() -> Any:
    """Return what is attacked: layers in a row, a shared one, an activation by name, an optimizer with momentum."""
    torch.manual_seed(0)
    x = inputs = ck.Input((4,), name="x")
    hidden = ck.layers.Dense(4, activation="relu", kernel_regularizer=ck.regularizers.L2(0.1), name="hidden")
    x = ck.layers.Dropout(0.5, name="dropout")(hidden(hidden(x)))
    model: Any = ck.Model(inputs, ck.layers.Dense(2, name="head")(x))
    model.compile(ck.optimizers.SGD(0.1, momentum=0.9), "mse", jit_compile=False)
    model.train_on_batch(torch.ones(3, 4), torch.ones(3, 2))
    return model


def write_good(path: Path) -> None:
    """Save it."""
    good_model().save(path, include_optimizer=True)


def split(content: bytes) -> Parts:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: bytes, data: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def sealed(entries: dict[str, Any], inner: Any, data: bytes) -> bytes:
    """Put a file together whose header's digest is true, so that only what was changed is wrong."""
    text = inner if isinstance(inner, str) else canonical({**inner, "header_sha256": "0" * 64}).decode()
    entries["__metadata__"] = {"corekit": text}
    return with_digest(json.dumps(entries, separators=(",", ":")).encode(), data)


def with_digest(header: bytes, data: bytes) -> bytes:
    pattern = rb'(header_sha256\\":\\")[0-9a-f]{64}'
    digest = hashlib.sha256(re.sub(pattern, lambda m: m[1] + b"0" * 64, header)).hexdigest().encode()
    return joined(re.sub(pattern, lambda m: m[1] + digest, header), data)


def changed(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """Return an attack that changes the header's entries or the metadata inside it, and seals the file again."""

    def make(content: bytes) -> bytes:
        entries, data = split(content)
        inner = json.loads(entries.pop("__metadata__")["corekit"])
        change(entries, inner)
        return sealed(entries, inner, data)

    return make


def layer(inner: dict[str, Any], number: int = 0) -> dict[str, Any]:
    return inner["architecture"]["layers"][number][1]


def with_id(name: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: layer(inner).update(id=name))


def with_config(**config: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: layer(inner)["config"].update(config))


def with_layer(**fields: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: layer(inner).update(fields))


def with_model(**fields: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: inner["architecture"].update(fields))


def with_training(**fields: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: inner["training"]["config"].update(fields))


def with_state(value: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: inner["training"]["state"]["values"]["head.bias"].update(more=value))


def with_tensor(**fields: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: entries["head.bias"].update(fields))


def with_hash(value: Any) -> Callable[[bytes], bytes]:
    return changed(lambda entries, inner: inner["hashes"].update({"head.bias": value}))


def with_inner(text: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """Return an attack on the text of the metadata."""

    def make(content: bytes) -> bytes:
        entries, data = split(content)
        inner = json.loads(entries.pop("__metadata__")["corekit"])
        inner["header_sha256"] = "0" * 64
        return sealed(entries, text(canonical(inner).decode()), data)

    return make


def with_header(text: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return an attack on the text of the whole header."""

    def make(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        return with_digest(text(content[8 : 8 + length]), content[8 + length :])

    return make


def renamed(name: str) -> Callable[[bytes], bytes]:
    def change(entries: dict[str, Any], inner: dict[str, Any]) -> None:
        entries[name] = entries.pop("head.bias")
        inner["hashes"][name] = inner["hashes"].pop("head.bias")

    return changed(change)


def flipped(position: int) -> Callable[[bytes], bytes]:
    def make(content: bytes) -> bytes:
        damaged = bytearray(content)
        damaged[position] ^= 1
        return bytes(damaged)

    return make


def other_format(write: Callable[[io.BytesIO], Any]) -> Callable[[bytes], bytes]:
    def make(content: bytes) -> bytes:
        buffer = io.BytesIO()
        write(buffer)
        return buffer.getvalue()

    return make


class Reducing:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("attacked",)


def zipped(name: str, content: str) -> Callable[[bytes], bytes]:
    def write(buffer: io.BytesIO) -> None:
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(name, content)

    return other_format(write)


def activation(kind: Any, name: Any, **more: Any) -> Callable[[bytes], bytes]:
    return with_config(activation={"$component": [kind, name], **more})


def cyclic(entries: dict[str, Any], inner: dict[str, Any]) -> None:
    first = inner["architecture"]["steps"][0]
    first["args"] = first["outputs"]


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def nested_layers() -> Any:
    """Return a layer in an argument of a layer in an argument, as deep as JSON may be."""
    record: Any = {"type": "component", "number": 9, "id": "nobody:Inner", "config": {}}
    for _ in range(15):
        record = {"type": "component", "number": 9, "id": "nobody:Outer", "config": {"rate": {"$layer": record}}}
    return {"$layer": record}


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAAAAAAAAAAAAA=", "defaults": None}}

ATTACKS = [
    # A01: the configuration names code
    Attack("A01 a function of os as a layer", MISSING, with_id("os:system")),
    Attack("A01 eval as a layer", MISSING, with_id("builtins:eval")),
    Attack("A01 a module path as a layer", BAD, with_id("os.path:join")),
    Attack("A01 a Python path without a colon", BAD, with_id("subprocess.Popen")),
    Attack("A01 a function as an activation", MISSING, activation("activations", "os:system")),
    Attack("A01 Keras's module and class_name", BAD, with_layer(type="keras", module="os", class_name="system")),
    Attack("A01 Hydra's _target_", BAD, with_config(_target_="os.system")),
    Attack("A01 a registered_name", BAD, with_config(registered_name="builtins>eval", module="builtins")),
    Attack("A01 a module that a name means", MISSING, with_layer(names={"activations": {"relu": "os:system"}})),
    Attack("A01 a module as an optimizer", MISSING, with_training(optimizer={"$component": ["optimizers", "os:x"]})),
    # A02: code in the file
    Attack("A02 a marshalled lambda as an activation", BAD, with_config(activation=LAMBDA)),
    Attack("A02 a tag for code", BAD, with_config(activation={"$lambda": "4wAAAAA="})),
    Attack("A02 a tag for a function", BAD, with_config(activation={"$function": "def f(x): return x"})),
    # A03: the file decides how it is read
    Attack("A03 safe_mode off", MISSING, changed(lambda e, i: (i.update(safe_mode=False), layer(i).update(id="x:Y")))),
    Attack("A03 trust_remote_code", MISSING, changed(
        lambda e, i: (i.update(trust_remote_code=True), layer(i).update(id="x:Y")))),
    Attack("A03 allow list in the file", MISSING, changed(
        lambda e, i: (i.update(allow=["x"], custom_objects={"Y": "os.system"}), layer(i).update(id="x:Y")))),
    Attack("A03 a device of the file's choice", BAD, with_training(device="cpu")),
    # A04: registered parts where they do not belong
    Attack("A04 an op as a layer", MISSING, with_id("corekit-custom-ops:linear_relu")),
    Attack("A04 a loss as a layer", MISSING, with_id("corekit-objectives:MeanSquaredError")),
    Attack("A04 a callback that writes files", BAD, activation(
        "callbacks", "corekit-callbacks-basic:ModelCheckpoint", config={"filepath": "/tmp/attacked.safetensors"})),
    Attack("A04 a callback among the inputs", BAD, with_layer(inputs={
        "$component": ["callbacks", "corekit-callbacks-basic:ModelCheckpoint"], "config": {"filepath": "attacked"}})),
    Attack("A04 a callback that a name means", BAD, with_layer(
        names={"callbacks": {"relu": "corekit-callbacks-basic:ModelCheckpoint"}})),
    Attack("A04 a callback as a loss", BAD, with_training(loss={
        "$component": ["callbacks", "corekit-callbacks-basic:ModelCheckpoint"]})),
    Attack("A04 a layer as an optimizer", BAD, with_training(optimizer={
        "$component": ["layers", "corekit-layers-basic:Dropout"], "config": {}})),
    Attack("A04 a bare name among the inputs", BAD, with_layer(built_with={"$component": ["layers", "Dense"]})),
    Attack("A04 a kind that is none", BAD, activation("modules", "os:system")),
    Attack("A04 an activation made from data", "wrong-kind", activation(
        "activations", "corekit-layers-basic:relu", config={"x": 1})),
    # A05: nobody said how to load it
    Attack("A05 no architecture", "weights-only", changed(lambda e, i: i.pop("architecture"))),
    Attack("A05 an architecture of null", BAD, changed(lambda e, i: i.update(architecture=None))),
    Attack("A05 a layer in place of a model", "wrong-kind", changed(lambda e, i: i.update(architecture=layer(i)))),
    # A06: another format
    Attack("A06 a pickle", "not-corekit", other_format(lambda file: pickle.dump(Reducing(), file))),
    Attack("A06 torch.save", "not-corekit", other_format(lambda file: torch.save({"a": torch.ones(2)}, file))),
    Attack("A06 a .keras archive", "not-corekit", zipped("config.json", '{"class_name": "Lambda"}')),
    Attack("A06 HDF5", "not-corekit", lambda content: b"\x89HDF\r\n\x1a\n" + content),
    Attack("A06 gzip", "not-corekit", gzip.compress),
    Attack("A06 JSON", "not-corekit", lambda content: json.dumps(split(content)[0]).encode()),
    Attack("A06 nothing", "not-corekit", lambda content: b""),
    Attack("A06 weights without a model", "not-corekit", lambda content: joined(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"\0" * 4)),
    Attack("A06 further metadata beside ours", "not-corekit", with_header(
        lambda header: header.replace(b'"__metadata__":{', b'"__metadata__":{"format":"pt",'))),
    # A07: a foreign payload in a wrapper
    Attack("A07 TorchModuleWrapper", BAD, with_layer(
        type="TorchModuleWrapper", config={"module": "gASVCgAAAAAAAACMAm9zlA=="})),
    Attack("A07 TFSMLayer", MISSING, with_layer(id="keras:TFSMLayer", config={"filepath": "/tmp/saved_model"})),
    Attack("A07 bytes", BAD, with_config(activation={"$bytes": "gASVCgAAAAAAAACM"})),
    # A08: an argument that opens something
    Attack("A08 a file as an initializer", BAD, with_config(kernel_initializer="file:///etc/passwd")),
    Attack("A08 a URL as an initializer", BAD, with_config(kernel_initializer="http://127.0.0.1:9/weights")),
    Attack("A08 a path as an activation", BAD, with_config(activation="../../etc/passwd")),
    Attack("A08 a vocabulary of the disk", BAD, with_config(vocabulary="/etc/passwd")),
    # A09: another part than the one that is named
    Attack("A09 a bare name", BAD, with_id("Dense")),
    Attack("A09 an inexact name", MISSING, with_id("corekit-layers-basic:dense")),
    Attack("A09 a distribution in other letters", BAD, with_id("Corekit_Layers_Basic:Dense")),
    Attack("A09 another class of the same distribution", BAD, with_id("corekit-layers-basic:Dropout")),
    # A10: wrong types
    Attack("A10 units of a string", BAD, with_config(units="4")),
    Attack("A10 units of a list", BAD, with_config(units=[4])),
    Attack("A10 units below zero", BAD, with_config(units=-4)),
    Attack("A10 an unknown argument", BAD, with_config(colour="red")),
    Attack("A10 a rate of a string", BAD, with_training(optimizer={
        "$component": ["optimizers", "corekit-optim-basic:SGD"], "config": {"momentum": "0.9"}})),
    Attack("A10 state that is a text", DIFFER, with_state("a lot")),
    Attack("A10 a config that is a list", BAD, with_layer(config=[4])),
    Attack("A10 a name that is a number", BAD, with_layer(name=7)),
    Attack("A10 a name with a point", BAD, with_layer(name="a.b")),
    Attack("A10 an id that is a list", BAD, with_id(["corekit-layers-basic:Dense"])),
    Attack("A10 layers in a dict", BAD, with_model(layers={"hidden": 1})),
    Attack("A10 steps that are none", BAD, with_model(steps=[1, 2])),
    Attack("A10 a dtype that is none", BAD, with_layer(dtype_policy="system")),
    Attack("A10 an array of objects", BAD, with_config(activation={"$array": ["O", [1], [1]]})),
    Attack("A10 an array of long strings", BAD, with_config(activation={"$array": ["U99999999", [1], ["a"]]})),
    # A11: hostile JSON
    Attack("A11 a key twice in the metadata", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"format":1}')),
    Attack("A11 a key twice in the header", ANY_DAMAGE, with_header(
        lambda h: h.rstrip()[:-1] + b',"__metadata__":{}}')),
    Attack("A11 NaN", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"a":NaN}')),
    Attack("A11 Infinity", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"a":-Infinity}')),
    Attack("A11 a number beyond floats", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"a":1e999}')),
    Attack("A11 a whole number of 5,000 digits", ANY_DAMAGE, with_inner(lambda t: t[:-1] + f',"a":{"9" * 5000}}}')),
    Attack("A11 brackets 100,000 deep", ANY_DAMAGE, with_inner(
        lambda t: t[:-1] + ',"a":' + "[" * 100_000 + "]" * 100_000 + "}")),
    Attack("A11 brackets that never close", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"a":' + "[" * 60)),
    Attack("A11 half a character", ANY_DAMAGE, with_inner(lambda t: t[:-1] + ',"a":"\\ud800"}')),
    Attack("A11 no UTF-8", ANY_DAMAGE, with_header(lambda h: h.replace(b"hidden", b"h\xffdden", 1))),
    Attack("A11 a string of 2 MB", ANY_DAMAGE, with_inner(lambda t: t[:-1] + f',"a":"{"x" * 2**21}"}}')),
    Attack("A11 text after the end", ANY_DAMAGE, with_inner(lambda t: t + "{}")),
    Attack("A11 a list in place of an object", ANY_DAMAGE, with_inner(lambda t: f"[{t}]")),
    # A12: a description that asks for the impossible
    Attack("A12 a layer of terabytes", DIFFER, with_config(units=10**12)),
    Attack("A12 an input of terabytes", BAD, changed(
        lambda e, i: i["architecture"]["input_specs"][0].__setitem__(0, [None, 10**12]))),
    Attack("A12 a graph that needs itself", BAD, changed(cyclic)),
    Attack("A12 a layer that shares itself", BAD, with_layer(type="shared", number=0)),
    Attack("A12 an optimizer's state of terabytes", BAD, with_state({"$tensor": ["float32", [10**12], [1.0]]})),
    Attack("A12 an array of terabytes", BAD, with_config(activation={"$array": ["float32", [10**12], [1.0]]})),
    Attack("A12 an array of no elements and endless rows", BAD, with_config(
        activation={"$array": ["float32", [0, 2**62], []]})),
    Attack("A12 a hundred thousand layers", "too-large", changed(
        lambda e, i: i["architecture"]["layers"].extend([["x", {"type": "shared", "number": 0}]] * 100_000))),
    Attack("A12 nested as deeply as JSON may", BAD, with_config(activation=deep(50))),
    Attack("A12 layers nested in arguments", MISSING, with_config(activation=nested_layers())),
    # A13: names that are paths
    Attack("A13 a tensor above the folder", ANY_DAMAGE, renamed("../../etc/passwd")),
    Attack("A13 an absolute tensor", DIFFER, renamed("/etc/passwd")),
    Attack("A13 a tensor on a drive", DIFFER, renamed("C:\\weights")),
    Attack("A13 a tensor with a zero byte", ANY_DAMAGE, renamed("head\0.bias")),
    Attack("A13 a tensor without a name", ANY_DAMAGE, renamed("")),
    # A14 stands in the tests: links, pipes, folders are no bytes. A15: there is no archive to extract.
    Attack("A15 a tar archive", "not-corekit", lambda content: b"model\0".ljust(257, b"\0") + b"ustar\0" + content),
    # A16, A17: bytes that belong to two, or to nobody
    Attack("A16 tensors that overlap", ANY_DAMAGE, changed(
        lambda e, i: e["head.bias"].update(data_offsets=e["hidden.bias"]["data_offsets"][:1] * 2))),
    Attack("A16 compressed content", ANY_DAMAGE, lambda content: content[:-64] + gzip.compress(content[-64:])),
    Attack("A17 bytes after the end", ANY_DAMAGE, lambda content: content + b"PK\x03\x04"),
    Attack("A17 bytes before the beginning", "not-corekit", lambda content: b"#!/bin/sh\n" + content),
    Attack("A17 a gap between tensors", ANY_DAMAGE, changed(
        lambda e, i: [one.update(data_offsets=[n + 8 for n in one["data_offsets"]]) for one in e.values()])),
    Attack("A17 a tensor twice", ANY_DAMAGE, with_header(
        lambda h: h.rstrip()[:-1] + b',"head.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')),
    # A18: shapes
    Attack("A18 a shape larger than its bytes", ANY_DAMAGE, with_tensor(shape=[2**40])),
    Attack("A18 a shape that overflows", ANY_DAMAGE, with_tensor(shape=[2**40, 2**40, 0])),
    Attack("A18 a shape below zero", ANY_DAMAGE, with_tensor(shape=[-1, -2])),
    # A19: storage outside
    Attack("A19 a tensor in another file", ANY_DAMAGE, with_tensor(file="/etc/passwd")),
    Attack("A19 an external location", ANY_DAMAGE, with_tensor(external_data={"location": "../x"})),
    # A20: odd headers
    Attack("A20 a space before the header", "not-corekit", with_header(lambda header: b" " + header)),
    Attack("A20 a hundred axes", ANY_DAMAGE, with_tensor(shape=[1] * 99 + [2])),
    Attack("A20 no elements and endless rows", ANY_DAMAGE, with_tensor(shape=[0, 2**62])),
    Attack("A20 a dtype that is none", ANY_DAMAGE, with_tensor(dtype="F8_E4M3")),
    Attack("A20 true as a size", ANY_DAMAGE, with_tensor(shape=[True, 2])),
    # A21: large headers
    Attack("A21 a header longer than the file", "not-corekit", lambda c: (2**62).to_bytes(8, "little") + c[8:]),
    Attack("A21 a header of 17 MB", "not-corekit", with_header(lambda h: h + b" " * LARGEST_HEADER)),
    Attack("A21 a hundred thousand tensors", "too-large", changed(lambda e, i: (
        e.update({f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(100_000)}),
        i["hashes"].update({f"t{n}": "0" * 32 for n in range(100_000)})))),
    # A22: damage
    Attack("A22 a bit of a tensor", ANY_DAMAGE, flipped(-1)),
    Attack("A22 a bit of the header", ANY_DAMAGE, flipped(700)),
    Attack("A22 cut in the tensors", ANY_DAMAGE, lambda content: content[:-16]),
    Attack("A22 cut in the header", "not-corekit", lambda content: content[:300]),
    Attack("A22 a page of zeros", ANY_DAMAGE, lambda content: content[:-64] + b"\0" * 64),
    Attack("A22 hashes of other tensors", ANY_DAMAGE, with_hash("0" * 32)),
    Attack("A22 hashes that are no text", ANY_DAMAGE, with_hash(None)),
    # A24: pickles inside
    Attack("A24 a pickle for a tensor", ANY_DAMAGE, lambda content: content[:-8] + pickle.dumps(Reducing())[:8]),
    Attack("A24 an optimizer's state by pickle", BAD, with_state({"$pickle": "gASVCgAAAAAAAACM"})),
    Attack("A24 a random state by pickle", BAD, with_config(seed={"$pickle": "gASVCgAAAAAAAACM"})),
    # A25: peers; A26: names as a lure
    Attack("A25 an address to fetch the rest from", BAD, with_config(rendezvous={"$tcp": "127.0.0.1:9"})),
    Attack("A26 a plugin that nobody has", MISSING, with_id("corekit-layers-basics:Dense")),
    Attack("A26 a name that moves the cursor", BAD, with_id("corekit-x:\x1b[2J\x1b[1;1HDense")),
    Attack("A26 a name written backwards", BAD, with_id("corekit-x:\u202eesneD")),
    Attack("A26 a name of a megabyte", BAD, with_id("corekit-x:" + "D" * 2**19)),
    Attack("A26 a newer format that says what to install", "newer-format", changed(
        lambda e, i: i.update(format=10**6))),
]  # fmt: skip

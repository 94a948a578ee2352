"""A model whose weights stay in the file, `load_model(..., mmap=True)`: checked as ever, never written to."""

import subprocess
import sys

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, LoadError
from corekit.saving.taking import LARGE  # bytes from which a weight stays in the file


class Kinds(ck.Layer):
    """Holds a weight of each kind that does not stay in the file, and of each that does."""

    def build(self, input_shape):
        self.kernel = torch.nn.Parameter(torch.rand(LARGE // 4))
        self.bias = torch.nn.Parameter(torch.rand(4))
        self.register_buffer("counts", torch.arange(LARGE // 8))
        self.register_buffer("mask", torch.rand(LARGE) < 0.5)
        self.register_buffer("turned", torch.rand(512, 1024).t())
        self.register_buffer("odd", torch.rand(1))
        self.register_buffer("shifted", torch.rand(LARGE // 8, dtype=torch.float64))  # begins at half a float64

    def call(self, inputs):
        return inputs + self.kernel.sum()

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.fixture
def path(tmp_path):
    ck.register(Kinds)
    model = ck.Sequential([ck.Input((2,)), Kinds(name="kinds"), ck.layers.Dense(2, name="head")])
    model.compile("adam", "mse")
    model.fit(torch.rand(4, 2), torch.rand(4, 2), epochs=1, verbose=0)
    model.save(tmp_path / "m.safetensors", include_optimizer=True)
    return tmp_path / "m.safetensors"


def equal(one, two):
    mine, its = one.state_dict(), two.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)


def test_weights_are_those_of_the_file(path):
    assert equal(ck.load_model(path, mmap=True), ck.load_model(path))


def test_what_is_large_and_lies_as_torch_needs_it_stays_in_the_file(path):
    mapped, copied = ck.load_model(path, mmap=True), ck.load_model(path)
    content = path.read_bytes()
    first = 8 + int.from_bytes(content[:8], "little")

    with open(path, "r+b") as file:  # what nobody should do
        file.seek(first)
        file.write(bytes(len(content) - first))

    changed = {name for name, value in mapped.state_dict().items() if not torch.equal(value, copied.state_dict()[name])}
    assert changed == {"kinds.kernel", "kinds.counts"}


def test_training_goes_on_and_leaves_the_file_alone(path):
    before = path.read_bytes()
    models = ck.load_model(path, mmap=True), ck.load_model(path)

    for model in models:
        model.fit(torch.ones(8, 2), torch.zeros(8, 2), epochs=2, batch_size=4, verbose=0, shuffle=False)

    assert equal(*models)
    assert not equal(models[0], ck.load_model(path))
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is mapped cannot be replaced there")
def test_save_over_the_file_that_is_mapped_changes_neither(path):
    model, before = ck.load_model(path, mmap=True), path.read_bytes()

    model.save(path, include_optimizer=True)

    assert path.read_bytes() == before
    assert equal(model, ck.load_model(path))


@pytest.mark.parametrize("name", ["kinds.kernel", "kinds.counts", "kinds.mask", "kinds.bias"])
def test_damage_is_refused(path, name):
    content = bytearray(path.read_bytes())
    small = ck.load_model(path).state_dict()[name].reshape(-1).view(torch.uint8)[:12].numpy().tobytes()
    content[content.index(small)] ^= 1
    path.write_bytes(content)

    with pytest.raises(LoadError, match=f"tensor '{name}' is damaged") as caught:
        ck.load_model(path, mmap=True)
    assert caught.value.code == "damaged"


def test_model_in_several_files_stays_in_them(path, tmp_path):
    model = ck.load_model(path)
    model.save(tmp_path / "shards.safetensors", max_shard_size=4 * LARGE / 2**30)
    assert len(list(tmp_path.glob("shards-*"))) > 1

    assert equal(ck.load_model(tmp_path / "shards.safetensors", mmap=True), model)


def test_keras_file_cannot_be_mapped(tmp_path):
    with pytest.raises(ArgumentError, match="corekit convert"):
        ck.load_model(tmp_path / "m.keras", mmap=True)


def test_empty_model(tmp_path):
    ck.Sequential([ck.Input((2,)), ck.layers.Activation("relu")]).save(tmp_path / "m.safetensors")

    assert ck.load_model(tmp_path / "m.safetensors", mmap=True).weights == []


MEASURED = """
import sys, torch
import corekit as ck

def own():  # pages that belong to this process alone
    return 1024 * int(open("/proc/self/status").read().partition("RssAnon:")[2].split()[0])

ck.load_model(sys.argv[1], mmap=True)
before = own()
model = ck.load_model(sys.argv[2], mmap=sys.argv[3] == "mmap")
print(own() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads memory where Linux tells it")
def test_mapped_model_takes_no_memory_of_its_own(tmp_path):
    small, large = tmp_path / "small.safetensors", tmp_path / "large.safetensors"
    for path, units in ((small, 8), (large, 8192)):
        ck.Sequential([ck.Input((4096,)), ck.layers.Dense(units, use_bias=False)]).save(path)

    def growth(how):
        run = [sys.executable, "-c", MEASURED, small, large, how]
        found = subprocess.run(run, check=True, capture_output=True, text=True)
        return int(found.stdout) / large.stat().st_size

    assert growth("mmap") < 0.1
    assert growth("copy") > 0.9

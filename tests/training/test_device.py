"""Where training happens: the best accelerator, unless the user said otherwise."""

import pytest
import torch

from corekit.errors import DeviceError
from corekit.training.device import best_accelerator, choose


class Accelerator:
    """Stands for `torch.accelerator` on a machine with so many devices of a type."""

    def __init__(self, kind, count=1):
        self.kind, self.count = kind, count

    def current_accelerator(self, check_available=False):
        assert check_available
        return torch.device(self.kind) if self.kind else None

    def current_device_index(self):
        return self.count - 1

    def device_count(self):
        return self.count


@pytest.fixture
def machine(monkeypatch):
    """Return `machine(kind, count)`: let this machine have such accelerators."""

    def let(kind, count=1):
        monkeypatch.setattr(torch, "accelerator", Accelerator(kind, count))
        best_accelerator.cache_clear()

    yield let
    best_accelerator.cache_clear()


def test_best_accelerator_is_chosen(machine, make_model):
    model = make_model()
    machine("cuda", 2)

    assert choose(model) == torch.device("cuda:1")  # torch's current one


def test_cpu_is_chosen_without_accelerator(machine, make_model):
    machine(None)

    assert choose(make_model()) == torch.device("cpu")


@pytest.mark.parametrize("place", [lambda m: m.to("cpu"), lambda m: m.cpu(), lambda m: m.to(torch.device("cpu"))])
def test_placed_model_stays(machine, make_model, place):
    model = place(make_model())
    machine("cuda")

    assert choose(model) == torch.device("cpu")


def test_model_off_the_cpu_stays(machine, make_model):
    model = torch.nn.Module.to(make_model(), "meta")
    machine("cuda")

    assert choose(model) == torch.device("meta")


def test_default_device_is_obeyed(machine, make_model):
    model = make_model()
    machine("cuda")

    with torch.device("meta"):
        assert choose(model) == torch.device("cpu")  # where its weights are


def test_wanted_device_is_taken(machine, make_model):
    machine("cuda", 2)
    model = make_model().to("cpu")

    assert choose(model, "cuda:1") == torch.device("cuda:1")
    assert choose(model, "cuda") == torch.device("cuda")
    assert choose(model, torch.device("cpu")) == torch.device("cpu")


def test_cuda_without_cuda_is_explained(machine, make_model, monkeypatch):
    machine(None)
    monkeypatch.setattr(torch.version, "cuda", None)

    with pytest.raises(DeviceError) as caught:
        make_model(device="cuda")

    assert 'device="cuda" was asked for, but this torch was built without CUDA' in str(caught.value)
    assert 'device="cpu"' in str(caught.value)
    assert "Nothing was moved" in str(caught.value)


def test_cuda_without_a_gpu_is_explained(machine, make_model, monkeypatch):
    machine(None)
    monkeypatch.setattr(torch.version, "cuda", "13.0")

    with pytest.raises(DeviceError, match='device="cuda" was asked for, but this machine has no accelerator'):
        make_model(device="cuda")


def test_other_accelerator_is_named(machine, make_model):
    machine("mps")

    with pytest.raises(DeviceError, match="device=\"xpu\" was asked for, but this machine has 'mps'"):
        make_model(device="xpu")


def test_device_number_is_checked(machine, make_model):
    machine("cuda", 2)

    with pytest.raises(DeviceError, match='device="cuda:99" was asked for, but there are 2 cuda devices, numbered'):
        make_model(device="cuda:99")


@pytest.mark.parametrize("wanted", ["nonsense", "gpu", 3.5, "cuda:x"])
def test_nonsense_device_is_explained(make_model, wanted):
    with pytest.raises(DeviceError, match=r'not a device that torch knows\. Write for example device="cpu", "cuda"'):
        make_model(device=wanted)


def test_refused_device_leaves_model_alone(machine, make_model):
    machine(None)
    model = make_model()

    with pytest.raises(DeviceError):
        model.compile(device="cuda")

    assert model.device == torch.device("cpu")
    assert model.optimizer is not None  # what was compiled before still stands


def test_model_moved_after_compile_stays(machine, make_model, regression):
    """The user's word counts whenever it comes: here the model is compiled for an accelerator first."""
    machine("cuda")
    model = make_model()
    assert model.trainer.device.type == "cuda"

    model.to("cpu").fit(*regression, verbose=0)

    assert model.device == model.trainer.device == torch.device("cpu")


def test_metrics_and_rate_go_to_the_device(make_model, regression, parts):
    """No accelerator is needed to see it: meta tensors show where everything would go."""
    model = torch.nn.Module.to(make_model(device="meta", metrics=[parts.Gap()]), "meta")

    model.trainer.prepare(tuple(part.to("meta") for part in regression), "train")

    assert {metric.total.device.type for metric in model.metrics} == {"meta"}
    assert model.optimizer.learning_rate.device.type == "meta"

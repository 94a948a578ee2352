"""Data, order and state of a training on a CUDA device: moved once, the CPU's, and never waited for."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import corekit as ck
from corekit.errors import DeviceError

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and torch sees none"),
]

every_optimizer = pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])
LOSS = "categorical_crossentropy"


def make(optimizer="adam", **kwargs):
    """A compiled model, made on the CPU, the same weights each time."""
    ck.utils.set_random_seed(0)
    dense = ck.layers.Dense
    model = ck.Sequential([dense(128, activation="relu", input_shape=(784,)), dense(10, activation="softmax")])
    model.compile(**{"optimizer": optimizer, "loss": LOSS, "metrics": ["accuracy"], **kwargs})
    return model


@pytest.fixture(scope="module")
def data():
    """640 samples of 784 features, labelled by which tenth of them is the brightest; one-hot."""
    x = np.random.default_rng(0).random((640, 784), dtype="float32")
    return x, np.eye(10, dtype="float32")[x[:, :780].reshape(640, 10, 78).mean(axis=-1).argmax(axis=-1)]


def on_cuda(data):
    return tuple(torch.as_tensor(part, device="cuda") for part in data)


def test_shuffled_order_is_the_cpus(data):
    histories = []
    for device in ("cpu", "cuda"):
        model = make(device=device)
        ck.utils.set_random_seed(1)
        histories.append(model.fit(*data, epochs=2, verbose=0).history["loss"])

    assert histories[1] == pytest.approx(histories[0], abs=1e-4)


def test_predictions_equal_the_cpus(data):
    cpu, cuda = (make(device=device).predict(data[0], verbose=0) for device in ("cpu", "cuda"))

    assert isinstance(cuda, np.ndarray)
    assert cuda == pytest.approx(cpu, abs=1e-5)


@every_optimizer
def test_training_and_evaluation_never_wait(data, optimizer):
    model, batch = make(optimizer), on_cuda(data)
    model.train_on_batch(*batch)  # builds and places everything
    model.train()
    model.trainer.step(batch)

    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            model.trainer.step(batch)
            model.trainer.evaluate(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


class Moves(TorchDispatchMode):
    """Counts the tensors, 0-d ones apart, that go from the host to the device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.ndim and arg.device.type == "cpu"]
        if given and isinstance(result, torch.Tensor) and result.device.type == "cuda":
            self.count += 1
        return result


def test_data_is_moved_once(data):
    counts = []
    for epochs in (1, 5):
        model = make()
        model.fit(*data, verbose=0)
        with Moves() as moves:
            model.fit(*data, epochs=epochs, shuffle=False, verbose=0)
        counts.append(moves.count)

    assert counts == [2, 2]  # x and y


@every_optimizer
def test_state_follows_a_moved_model(data, optimizer):
    """Trained on the CPU, moved, trained on: the run goes on as if it had never moved."""
    moved, still = (make(optimizer, device="cpu") for _ in range(2))
    for model in (moved, still):
        model.fit(*data, shuffle=False, verbose=0)
    moved.trainer.device_was_given = False

    history = moved.to("cuda").fit(*data, shuffle=False, verbose=0).history["loss"]

    assert history == pytest.approx(still.fit(*data, shuffle=False, verbose=0).history["loss"], abs=1e-4)
    assert moved.device.type == "cuda"


def test_placed_model_stays(data):
    model = make().to("cpu")

    model.fit(*data, verbose=0)

    assert model.device.type == "cpu"


def test_absent_device_number_is_told():
    with pytest.raises(DeviceError, match=r'device="cuda:99" was asked for, but there are \d+ cuda devices'):
        make(device="cuda:99")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Inductor's own code gives them, at its import
def test_compiled_step_equals_eager(data):
    torch._dynamo.reset()
    eager, whole = make(), make(jit_compile=True)

    histories = [model.fit(*data, epochs=2, shuffle=False, verbose=0).history["loss"] for model in (eager, whole)]

    assert histories[1] == pytest.approx(histories[0], abs=1e-4)

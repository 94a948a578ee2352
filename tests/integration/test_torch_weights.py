"""The weights of torch modules in ours: a state_dict in a safetensors file gives the same numbers."""

import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import LoadError

safetensors = pytest.importorskip("safetensors.torch", reason="what writes such files")

CASES = {
    "dense": (nn.Linear(3, 4), lambda: ck.layers.Dense(4), (5, 3)),
    "dense_square": (nn.Linear(4, 4, bias=False), lambda: ck.layers.Dense(4, use_bias=False), (5, 4)),
    "conv1d": (nn.Conv1d(3, 6, 3, groups=3), lambda: ck.layers.Conv1D(6, 3, groups=3), (2, 8, 3)),
    "conv2d": (nn.Conv2d(3, 5, (3, 2), stride=2), lambda: ck.layers.Conv2D(5, (3, 2), strides=2), (2, 8, 7, 3)),
    "batch_normalization": (nn.BatchNorm2d(3), lambda: ck.layers.BatchNormalization(epsilon=1e-5), (2, 4, 4, 3)),
    "layer_normalization": (nn.LayerNorm(6), lambda: ck.layers.LayerNormalization(epsilon=1e-5), (2, 3, 6)),
    "embedding": (nn.Embedding(9, 4), lambda: ck.layers.Embedding(9, 4), (2, 3)),
    "lstm": (nn.LSTM(5, 4, batch_first=True), lambda: ck.layers.LSTM(4, return_sequences=True), (2, 6, 5)),
    "gru": (nn.GRU(5, 4, batch_first=True), lambda: ck.layers.GRU(4, return_sequences=True), (2, 6, 5)),
}


def randomized(module):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.1)
    return module.eval()


@pytest.mark.parametrize("name", CASES)
def test_layer_computes_with_the_weights_of_torchs_module(name, tmp_path):
    module, make, shape = CASES[name]
    randomized(module)
    x = torch.randint(0, 9, shape) if name == "embedding" else torch.randn(shape)
    safetensors.save_file(
        {f"body.0.{key}": value for key, value in module.state_dict().items()}, tmp_path / "w.safetensors"
    )
    model = ck.Sequential([ck.Input(shape[1:], dtype=x.dtype), make()])

    match = model.load_weights(tmp_path / "w.safetensors", rename={"body.0": model.layers[0].name})

    assert match.is_whole
    moves = name in ("conv1d", "conv2d", "batch_normalization")  # torch's channels come second
    theirs = module(x.movedim(-1, 1) if moves else x)
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    torch.testing.assert_close(model(x), theirs.movedim(1, -1) if moves else theirs, rtol=1e-5, atol=1e-5)


def test_whole_network_is_renamed_by_its_parts(tmp_path):
    module = randomized(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 10))
    )
    safetensors.save_file(module.state_dict(), tmp_path / "w.safetensors")
    model = ck.Sequential([
        ck.Input((8, 8, 1)), ck.layers.Conv2D(4, 3, activation="relu"), ck.layers.BatchNormalization(epsilon=1e-5),
        ck.layers.Flatten(data_format="channels_last"), ck.layers.Dense(10),
    ])  # fmt: skip

    match = model.load_weights(
        tmp_path / "w.safetensors", rename={"0": "conv2d", "2": "batch_normalization", "4": "dense"}
    )

    assert len(match.matched) == 8
    x = torch.randn(2, 8, 8, 1)
    torch.testing.assert_close(model.layers[1](model.layers[0](x)), module[:3](x.movedim(-1, 1)).movedim(1, -1))


def test_module_of_another_size_is_told_by_shapes(tmp_path):
    safetensors.save_file(
        {f"dense.{k}": v for k, v in nn.Linear(3, 5).state_dict().items()}, tmp_path / "w.safetensors"
    )
    model = ck.Sequential([ck.Input((3,)), ck.layers.Dense(4)])

    with pytest.raises(LoadError) as raised:
        model.load_weights(tmp_path / "w.safetensors")

    assert "'dense.kernel': float32 (3, 4) in the model, float32 (3, 5) in the file" in str(raised.value)


def test_two_layers_of_torchs_lstm_do_not_fit_into_one(tmp_path):
    state = {f"lstm.{key}": value for key, value in nn.LSTM(5, 4, num_layers=2).state_dict().items()}
    safetensors.save_file(state, tmp_path / "w.safetensors")
    model = ck.Sequential([ck.Input((6, 5)), ck.layers.LSTM(4)])

    with pytest.raises(LoadError, match=r"not in the model \(4\): 'lstm.bias_hh_l1'"):
        model.load_weights(tmp_path / "w.safetensors")


def test_gru_without_reset_after_is_told_by_shapes(tmp_path):
    state = {f"gru.{key}": value for key, value in nn.GRU(5, 4).state_dict().items()}
    safetensors.save_file(state, tmp_path / "w.safetensors")
    model = ck.Sequential([ck.Input((6, 5)), ck.layers.GRU(4, reset_after=False)])

    with pytest.raises(LoadError, match=r"'gru.bias': float32 \(12,\) in the model, float32 \(2, 12\) in the file"):
        model.load_weights(tmp_path / "w.safetensors")

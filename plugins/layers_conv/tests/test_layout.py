"""Images and kernels lie in memory as torch's fast kernels want them, and nothing on the way copies them."""

import numpy as np
import pytest
import torch

import corekit
from corekit.layers import AveragePooling2D, Conv1D, Conv2D, Dense, Flatten, MaxPooling2D


def lies_channels_last(image):
    """Whether (batch, height, width, channels) lies in that order."""
    return image.stride() == torch.empty(image.shape).stride()


@pytest.mark.parametrize("channels", [1, 3])
def test_kernel_lies_filters_first(channels):
    layer = Conv2D(8, (3, 2))
    layer(torch.randn(2, 9, 8, channels))

    assert layer.kernel.shape == (3, 2, channels, 8)
    assert layer.kernel.permute(3, 0, 1, 2).is_contiguous()
    # What torch decides by, also where one channel leaves the order open: the strides, not the sizes.
    assert (
        layer.kernel.permute(3, 2, 0, 1).stride()
        == torch.empty(8, channels, 3, 2).to(memory_format=torch.channels_last).stride()
        or channels == 1
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("layer", [Conv2D(8, 3, activation="relu"), Conv2D(8, 3, strides=2, padding="same")])
def test_convolution_gives_channels_last(layer, channels):
    layer = type(layer).from_config(layer.get_config())

    assert lies_channels_last(layer(torch.randn(2, 9, 8, channels)))


@pytest.mark.parametrize("layer", [MaxPooling2D(2), AveragePooling2D(2)], ids=["max", "average"])
def test_pool_gives_channels_last(layer):
    assert lies_channels_last(layer(torch.randn(2, 8, 8, 3)))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_numpy_axes_give_channels_last(channels):
    images = torch.from_numpy(np.moveaxis(np.random.rand(2, channels, 9, 8).astype("float32"), 1, -1))

    assert lies_channels_last(Conv2D(8, 3)(images))


def test_axis_added_in_numpy_gives_channels_last():
    images = torch.from_numpy(np.random.rand(2, 9, 8).astype("float32")[..., None])

    assert lies_channels_last(Conv2D(8, 3)(images))


def test_flatten_after_a_pool_copies_nothing():
    pooled = MaxPooling2D(2)(Conv2D(8, 3)(torch.randn(2, 10, 10, 1)))

    assert Flatten()(pooled).data_ptr() == pooled.data_ptr()


def test_gradient_of_the_image_lies_channels_last():
    images = torch.randn(2, 9, 8, 3, requires_grad=True)
    outputs = MaxPooling2D(2)(Conv2D(8, 3, activation="relu")(images))

    (gradient,) = torch.autograd.grad(outputs.square().sum(), [images])

    assert lies_channels_last(gradient)


def test_row_kernel_lies_filters_first():
    layer = Conv1D(8, 3)
    layer(torch.randn(2, 9, 4))

    assert layer.kernel.permute(2, 0, 1).is_contiguous()


@pytest.mark.parametrize("shape", [(9, 8, 3), (9, 8, 1)], ids=str)
def test_file_keeps_kernels(tmp_path, shape):
    model = corekit.Sequential([Conv2D(8, 3, input_shape=shape), Flatten(), Dense(2)])
    x = torch.randn(2, *shape)

    model.save(tmp_path / "model.safetensors")
    loaded = corekit.load_model(tmp_path / "model.safetensors")

    assert torch.equal(loaded(x), model(x))
    assert [w.stride() for w in loaded.weights] == [w.stride() for w in model.weights]


def test_file_has_the_logical_shape(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    model = corekit.Sequential([Conv2D(8, (3, 2), input_shape=(9, 8, 3))])

    model.save(tmp_path / "model.safetensors")

    stored = safetensors.load_file(tmp_path / "model.safetensors")
    assert torch.equal(stored["conv2d.kernel"], model.layers[0].kernel)
    assert stored["conv2d.kernel"].is_contiguous()


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adamw", "rmsprop"])
def test_optimizer_steps_as_with_plain_kernels(optimizer):
    found = []
    for lies_plain in (False, True):
        corekit.utils.set_random_seed(0)
        model = corekit.Sequential([Conv2D(4, 3, input_shape=(6, 6, 2)), Flatten(), Dense(3)])
        if lies_plain:
            model.layers[0].kernel.data = model.layers[0].kernel.data.contiguous()
        model.compile(optimizer, "mse")
        x = np.random.default_rng(0).normal(size=(64, 6, 6, 2)).astype("float32")
        model.fit(x, x.mean(axis=(1, 2)) @ np.ones((2, 3), "float32"), epochs=2, shuffle=False, verbose=0)
        found.append(model.layers[0].kernel.detach().clone())

    torch.testing.assert_close(*found)

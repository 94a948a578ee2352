import pytest
import torch
from torch.nn import functional

import corekit
from corekit import layers
from corekit.errors import ArgumentError, ShapeError
from corekit.layers import AveragePooling1D, AveragePooling2D, Conv1D, Conv2D, UpSampling2D, ZeroPadding2D


def test_convolution_matches_torch():
    torch_layer = torch.nn.Conv2d(3, 8, (3, 2), stride=2)
    layer = Conv2D(8, (3, 2), strides=2)
    x = torch.randn(2, 9, 8, 3)
    layer(x)

    layer.load_state_dict({"kernel": torch_layer.weight.permute(2, 3, 1, 0), "bias": torch_layer.bias})

    torch.testing.assert_close(layer(x), torch_layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


def test_causal_convolution_sees_no_later_step():
    layer, x = Conv1D(4, 3, padding="causal", dilation_rate=2), torch.randn(1, 9, 2)
    before = layer(x)

    x[:, 6:] += 1.0

    torch.testing.assert_close(layer(x)[:, :6], before[:, :6])
    assert not torch.allclose(layer(x)[:, 6], before[:, 6])


def test_default_initializer_counts_the_window():
    layer = Conv2D(200, 3)
    layer.build((None, 9, 9, 100))

    assert 0.04 < layer.kernel.abs().max() <= (6 / (9 * 300)) ** 0.5


def test_torchs_own_initializers_fill_kernels():
    layer = Conv2D(4, 3, kernel_initializer=torch.nn.init.ones_)
    layer(torch.randn(2, 9, 8, 3))

    assert torch.equal(layer.kernel, torch.ones(3, 3, 3, 4))


def test_convolution_takes_bytes():
    layer, x = Conv2D(4, 3), torch.randint(0, 255, (2, 9, 8, 3), dtype=torch.uint8)

    torch.testing.assert_close(layer(x), layer(x.float()))


def test_logits_leave_out_the_activation():
    layer, x = Conv2D(4, 3, activation="softmax"), torch.randn(2, 9, 8, 3)

    torch.testing.assert_close(layer(x), layer.logits(x).softmax(-1))
    assert layer.link_activation.link == "softmax"


def test_open_sizes_stay_open():
    x = Conv2D(4, 3, strides=2, padding="same")(corekit.Input(shape=(None, 8, 3)))

    assert x.shape == (None, None, 4, 4)


@pytest.mark.parametrize("strides", [1, 2, 3])
def test_uneven_average_counts_only_the_image(strides):
    x = torch.randn(2, 8, 3, dtype=torch.float64)
    window = 4

    pooled = AveragePooling1D(window, strides, padding="same")(x)

    missing = max((-(-8 // strides) - 1) * strides + window - 8, 0)
    starts = range(-(missing // 2), 8 - window + (missing + 1) // 2 + 1, strides)
    expected = [x[:, max(start, 0) : start + window].mean(dim=1) for start in starts]
    torch.testing.assert_close(pooled, torch.stack(expected, dim=1))


def test_uneven_average_of_images_counts_only_the_image():
    ones = torch.ones(1, 8, 7, 2)

    torch.testing.assert_close(AveragePooling2D((3, 2), (2, 1), padding="same")(ones), torch.ones(1, 4, 7, 2))


def test_uneven_maximum_never_takes_the_border():
    x = -torch.ones(1, 4, 4, 1)

    assert torch.equal(layers.MaxPooling2D(3, strides=2, padding="same")(x), -torch.ones(1, 2, 2, 1))


def test_bilinear_matches_torch():
    x = torch.randn(2, 3, 4, 5)
    expected = functional.interpolate(x.permute(0, 3, 1, 2), scale_factor=2, mode="bilinear").permute(0, 2, 3, 1)

    torch.testing.assert_close(UpSampling2D(2, interpolation="bilinear")(x), expected)


# Errors


@pytest.mark.parametrize(
    "make",
    [lambda f: Conv2D(4, 3, data_format=f), lambda f: layers.MaxPooling2D(2, data_format=f)],
    ids=["conv", "pool"],
)
def test_channels_first_says_what_to_write(make):
    with pytest.raises(ArgumentError, match=r'data_format="channels_first"\).*\n.*x = x\.movedim\(1, -1\)'):
        make("channels_first")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"filters": 0, "kernel_size": 3}, r"Conv2D\(filters=0\): expected a whole number from 1"),
        ({"filters": 4, "kernel_size": (3, 0)}, r"Conv2D\(kernel_size=\(3, 0\)\): .* or one for each axis"),
        ({"filters": 4, "kernel_size": (3, 3, 3)}, r"kernel_size=\(3, 3, 3\)"),
        ({"filters": 4, "kernel_size": 3, "strides": 0}, r"Conv2D\(strides=0\)"),
        ({"filters": 4, "kernel_size": 3, "padding": "causal"}, r'padding=\'causal\'\): expected "valid" or "same"'),
        ({"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, "only one of them may be above 1"),
        ({"filters": 4, "kernel_size": 3, "groups": 3}, "filters must be a multiple of groups"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        Conv2D(**arguments)


def test_missing_channel_axis_is_told():
    with pytest.raises(ShapeError, match=r"expects \(batch, height, width, channels\), got \(batch, 28, 28\).*None\]"):
        Conv2D(4, 3)(torch.ones(2, 28, 28))


def test_kernel_larger_than_the_image_is_told():
    with pytest.raises(
        ShapeError, match=r'a window of \(5, 5\) does not fit into \(batch, 4, 4, 1\)\.\n.*padding="same"'
    ):
        Conv2D(4, 5)(torch.ones(2, 4, 4, 1))


def test_other_channel_count_than_built_is_named():
    layer = Conv2D(4, 3, name="eyes")
    layer(torch.ones(2, 9, 9, 3))

    with pytest.raises(ShapeError, match=r'Conv2D "eyes" was built for 3 channels, got \(2, 9, 9, 1\)'):
        layer(torch.ones(2, 9, 9, 1))


def test_channels_that_do_not_divide_are_told():
    with pytest.raises(ShapeError, match=r"groups=2\) cannot divide the 3 channels"):
        Conv2D(4, 3, groups=2)(torch.ones(2, 9, 9, 3))


def test_unknown_channel_count_says_what_to_do():
    with pytest.raises(ShapeError, match=r"their number is unknown\.\n.*Input\(shape=\(None, None, 3\)\)"):
        Conv2D(4, 3)(corekit.Input(shape=(9, 9, None)))


@pytest.mark.parametrize("name", ["MaxPooling2D", "GlobalAveragePooling2D", "ZeroPadding2D", "UpSampling2D"])
def test_image_layers_name_the_axes(name):
    with pytest.raises(ShapeError, match=rf"{name} expects \(batch, height, width, channels\), got \(2, 5\)"):
        getattr(layers, name)()(torch.ones(2, 5))


@pytest.mark.parametrize("padding", [-1, (1, 2, 3), ((1, 2), 3, 4), "all"], ids=str)
def test_border_is_checked(padding):
    with pytest.raises(ArgumentError, match=r"ZeroPadding2D\(padding=.*expected a number from 0"):
        ZeroPadding2D(padding)


def test_interpolation_is_checked():
    with pytest.raises(ArgumentError, match='expected "nearest" or "bilinear"'):
        UpSampling2D(2, interpolation="bicubic")

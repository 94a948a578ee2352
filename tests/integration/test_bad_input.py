"""Bad input: one clear error each, with the words that a user needs, and nothing trained."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import (
    ArgumentError,
    ArgumentTypeError,
    CorekitError,
    DataError,
    DeviceError,
    ShapeError,
    StateError,
    UnknownNameError,
)

LOSS = "categorical_crossentropy"


def make(loss=LOSS, units=10, activation="softmax", **kwargs):
    """A compiled model of 784 inputs."""
    ck.utils.set_random_seed(0)
    dense = ck.layers.Dense
    model = ck.Sequential([dense(16, activation="relu", input_shape=(784,)), dense(units, activation=activation)])
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **kwargs})
    return model


@pytest.fixture
def x():
    return np.random.default_rng(0).random((20, 784))


@pytest.fixture
def labels():
    return np.arange(20) % 10


@pytest.fixture
def y(labels):
    return ck.utils.to_categorical(labels, 10)


def refused(error, match, call, *args, **kwargs):
    """Call and return the message; the error is of corekit's family, whatever else it is."""
    with pytest.raises(error, match=match) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, CorekitError)
    assert len(caught.value.args) == 1
    return str(caught.value)


# Shapes


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_images_for_flat_model_say_reshape(x, y, method):
    images = x.reshape(20, 28, 28)

    message = refused(
        ShapeError, rf"^{method}: input .*\(batch, 784\), got \(20, 28, 28\)", getattr(make(), method), images, y
    )

    assert "x.reshape(-1, 784)" in message


@pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
def test_images_for_prediction_say_reshape(x, method):
    message = refused(ShapeError, rf"^{method}: input", getattr(make(), method), x.reshape(20, 28, 28))

    assert "x.reshape(-1, 784)" in message


def test_wrong_number_of_features_is_told(x, y):
    refused(ShapeError, r"\(batch, 784\), got \(20, 700\)\.$", make().fit, x[:, :700], y)


def test_layers_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r'in Sequential ".*", layer 2 .*cannot take what layer 1'):
        ck.Sequential([ck.layers.Dense(4, input_shape=(3,)), ck.layers.Reshape((5,))])


def test_validation_shapes_are_checked(x, y):
    refused(
        ShapeError, r"\(batch, 784\), got \(20, 28, 28\)", make().fit, x, y, validation_data=(x.reshape(20, 28, 28), y)
    )


# Labels


def test_numbers_for_one_hot_loss_are_told(x, labels):
    message = refused(ShapeError, r"class numbers, and one-hot rows were expected", make().fit, x, labels)

    assert "(20,)" in message
    assert "sparse_categorical_crossentropy" in message
    assert "to_categorical" in message


def test_one_hot_for_sparse_loss_is_told(x, y):
    message = refused(ShapeError, "sparse_categorical_crossentropy", make(f"sparse_{LOSS}").fit, x, y)

    assert "(20, 10)" in message
    assert LOSS in message.replace(f"sparse_{LOSS}", "")


def test_too_many_classes_are_told(x, labels):
    message = refused(ShapeError, "categorical_crossentropy", make().fit, x, ck.utils.to_categorical(labels, 12))

    assert "(20, 12)" in message
    assert "(20, 10)" in message


def test_binary_labels_must_fit(x, y):
    model = make("binary_crossentropy", units=1, activation="sigmoid")

    message = refused(ShapeError, "binary_crossentropy", model.fit, x, y)

    assert "(20, 10)" in message
    assert "(20, 1)" in message


def test_error_labels_must_fit(x, y):
    message = refused(ShapeError, "mean_squared_error|mse", make("mse", units=3).fit, x, y)

    assert "(20, 10)" in message
    assert "(20, 3)" in message


@pytest.mark.parametrize("label", [10, -1, 99])
def test_class_number_out_of_range_is_told(x, labels, label):
    labels[3] = label

    message = refused(CorekitError, rf"{label}", make(f"sparse_{LOSS}").fit, x, labels)

    assert "10" in message


def test_missing_labels_are_told(x):
    refused(StateError, r"needs labels: fit\(x, y\)", make().fit, x)


# NaN and infinity


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["x", "y"])
def test_first_bad_value_is_located(x, y, part, bad):
    data = {"x": x, "y": y}
    data[part][7, 5] = bad
    model = make()
    before = model.get_weights()

    message = refused(DataError, rf"^fit: {part} is not finite.*at {part}\[7, 5\]\.", model.fit, **data)

    assert f"keep = numpy.isfinite({part})" in message
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not model.optimizer.is_bound  # not even the optimizer's state was made


def test_bad_validation_is_located(x, y):
    bad = x.copy()
    bad[4, 0] = np.nan

    refused(DataError, r"^fit validation: x is not finite.*at x\[4, 0\]", make().fit, x, y, validation_data=(bad, y))


def test_bad_sample_weight_is_located(x, y):
    weight = np.ones(20)
    weight[2] = np.nan

    refused(DataError, r"sample_weight is not finite.*at sample_weight\[2\]", make().fit, x, y, sample_weight=weight)


def test_bad_values_in_loader_end_the_run(x, y):
    """A loader is not looked through in advance; its first epoch ends with the error."""
    x[3, 3] = np.nan
    loader = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))

    refused(DataError, r"the loss is nan after epoch 1.*\n.*NaN in the data", make().fit, loader, epochs=3, verbose=0)


# Data that is none


@pytest.mark.parametrize("empty", [np.zeros((0, 784)), torch.zeros(0, 784)], ids=["numpy", "torch"])
def test_empty_data_is_told(empty):
    refused(DataError, r"^fit: the data is empty: x, y hold 0 samples", make().fit, empty, np.zeros((0, 10)))


def test_empty_prediction_is_told():
    refused(DataError, r"^predict: the data is empty: x hold 0 samples", make().predict, np.zeros((0, 784)))


def test_mismatched_lengths_are_told(x, y):
    refused(DataError, r"number of samples: x 20, y 19", make().fit, x, y[:19])


def test_mismatched_weights_are_told(x, y):
    refused(DataError, r"x 20, y 20, sample_weight 3", make().fit, x, y, sample_weight=np.ones(3))


def test_object_array_is_told(x, y):
    refused(DataError, r"^fit: x holds object values, expected numbers", make().fit, x.astype(object), y)


def test_text_array_is_told(x):
    message = refused(DataError, r"^fit: y holds <U\d+ values, expected numbers", make().fit, x, np.array(["cat"] * 20))

    assert "y.astype('float32')" in message


@pytest.mark.parametrize("part", ["x", "y"])
def test_python_list_is_told(x, y, part):
    data = {"x": x, "y": y}
    data[part] = data[part].tolist()

    message = refused(DataError, rf"^fit: {part} holds float", make().fit, **data)

    assert f"numpy.array({part})" in message


def test_file_name_is_no_data():
    refused(DataError, r"x holds str \('digits.csv'\), expected arrays", make().fit, "digits.csv")


def test_no_data_is_told():
    refused(DataError, r"fit: there is no data\. Write  model\.fit\(x, y\)", make().fit)


# Names


@pytest.mark.parametrize(
    ("argument", "wrong", "meant"),
    [
        ({"optimizer": "adamm"}, "adamm", "Adam"),
        ({"loss": "categorical_crossentropi"}, "categorical_crossentropi", "CategoricalCrossentropy"),
        ({"metrics": ["acuracy"]}, "acuracy", "Accuracy"),
    ],
    ids=["optimizer", "loss", "metric"],
)
def test_unknown_name_suggests_the_meant(argument, wrong, meant):
    message = refused(UnknownNameError, wrong, make, **argument)

    assert "Did you mean" in message
    assert f'"{meant}"' in message.partition("Did you mean")[2]


def test_unknown_activation_suggests_the_meant():
    message = refused(UnknownNameError, "rellu", ck.layers.Dense, 3, activation="rellu")

    assert "relu" in message.replace("rellu", "")


def test_unknown_layer_suggests_the_meant():
    message = refused(UnknownNameError, "Dens", lambda: ck.layers.Dens)

    assert '"Dense"' in message


# A string where a number is due


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_text_for_a_rate_is_told(name):
    message = refused(ArgumentTypeError, "learning_rate='fast'", getattr(ck.optimizers, name), learning_rate="fast")

    assert name in message
    assert "expected a number" in message


@pytest.mark.parametrize(
    ("argument", "value", "write"),
    [("epochs", "3", "epochs=3"), ("batch_size", "32", "batch_size=32"), ("initial_epoch", "1", "initial_epoch=1")],
)
def test_text_for_a_count_is_told(x, y, argument, value, write):
    message = refused(
        ArgumentError, rf"^fit\({argument}='{value}'\): expected a whole", make().fit, x, y, **{argument: value}
    )

    assert write in message


def test_text_for_units_is_told():
    message = refused(CorekitError, r"Dense\(units='ten'\)", ck.layers.Dense, "ten")

    assert "expected a whole number" in message


def test_text_for_a_rate_of_dropout_is_told():
    refused(CorekitError, "Dropout.*'half'", ck.layers.Dropout, "half")


def test_text_for_a_split_is_told(x, y):
    refused(ArgumentError, r"validation_split='0.1'\): expected a share", make().fit, x, y, validation_split="0.1")


def test_text_for_a_class_weight_is_told(x, y):
    refused(
        ArgumentError, "class_weight={0: 'much'}: expected class numbers", make().fit, x, y, class_weight={0: "much"}
    )


def test_text_for_verbose_is_told(x, y):
    refused(ArgumentError, r"verbose='loud': expected 0, 1, 2", make().fit, x, y, verbose="loud")


def test_number_for_a_loss_is_told():
    refused(ArgumentTypeError, r'compile\(loss=3\): expected a name such as "mse"', make, loss=3)


# Devices, order of calls


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_absent_device_is_told():
    message = refused(DeviceError, 'device="cuda" was asked for, but', make, device="cuda")

    assert 'device="cpu"' in message
    assert "Nothing was moved" in message


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_compile_comes_first(x, y, method):
    model = ck.Sequential([ck.layers.Dense(10, input_shape=(784,))])

    message = refused(StateError, r'^"sequential" is not compiled', getattr(model, method), x, y)

    assert 'model.compile(optimizer="adam", loss="mse")' in message


def test_unknown_argument_of_layer_suggests_the_meant():
    message = refused(ArgumentTypeError, "activaton", ck.layers.Dense, 3, activaton="relu")

    assert "Did you mean activation=...?" in message


# Labels as classes


@pytest.mark.parametrize(
    "labels", [["cat", "dog"], [1, 0.5], [2, -1], [0, np.nan]], ids=["text", "half", "minus", "nan"]
)
def test_to_categorical_wants_whole_numbers(labels):
    refused(DataError, "to_categorical: expected whole numbers from 0", ck.utils.to_categorical, labels)


def test_to_categorical_says_how_many_classes():
    message = refused(DataError, "found label 3, expected at most 2", ck.utils.to_categorical, [0, 3], num_classes=3)

    assert "num_classes=4" in message


def test_to_categorical_wants_a_number():
    refused(ArgumentError, "num_classes='3'", ck.utils.to_categorical, [0, 1], num_classes="3")

"""`model.summary()`."""

import pytest
import torch

import corekit as ck


def lines_of(model, **kwargs):
    """Return the summary's lines, without trailing spaces."""
    lines = []
    model.summary(print_fn=lines.append, **kwargs)
    return [line.rstrip() for line in lines]


def row(lines, word):
    """Return the cells of the line that holds `word`."""
    return next(line for line in lines if word in line).split("   ")


@pytest.fixture
def model(parts):
    """A model of two layers and a nested one."""
    inner = ck.Sequential([parts.Affine(5, name="deep"), parts.Drop()], name="inner")
    return ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3, name="wide"), inner], name="digits")


def test_summary_reads_as_a_table(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3), parts.Drop()])

    assert lines_of(model) == [
        'Model "sequential"',
        "",
        "  Layer (type)      Output shape   Weights",
        " ──────────────────────────────────────────",
        "  affine (Affine)   (batch, 3)          15",
        "  drop (Drop)       (batch, 3)           0",
        "",
        " Weights: 15 (60 B), trainable 15, other 0",
    ]


def test_summary_goes_to_the_terminal(model, capsys):
    model.summary()

    assert "wide (Affine)" in capsys.readouterr().out


def test_nested_layers_are_shown_on_demand(model):
    assert not any("deep" in line for line in lines_of(model))
    assert any(line.startswith("    deep (Affine) ") for line in lines_of(model, expand_nested=True))


def test_frozen_layers_are_shown_on_demand(model):
    model.layers[0].trainable = False

    lines = lines_of(model, show_trainable=True)

    assert (lines[4].split()[-1], lines[5].split()[-1]) == ("no", "yes")


def test_frozen_weights_are_counted_apart(model):
    model.layers[0].trainable = False

    assert lines_of(model)[-1] == " Weights: 35 (140 B), trainable 20, other 15"


def test_unbuilt_model_says_what_to_do(parts):
    lines = lines_of(ck.Sequential([parts.Affine(3)]))

    assert "not built" in row(lines, "affine")[-1]
    assert "call the model, or give its first layer an input_shape" in lines[-1]


def test_empty_model_has_a_summary():
    assert lines_of(ck.Sequential())[0] == 'Model "sequential"'


def test_several_outputs_of_a_layer_are_listed(parts):
    x = ck.Input(shape=(4,))
    left, right = parts.Split()(x)

    assert any("(batch, 4), (batch, 4)" in line for line in lines_of(ck.Model(x, left + right)))


def test_shapes_of_a_subclass_are_unknown(parts):
    class Net(ck.Model):
        def __init__(self):
            super().__init__()
            self.head = parts.Affine(2)

        def call(self, inputs):
            return self.head(inputs)

    model = Net()
    model(torch.ones(1, 4))

    assert "head (Affine)   ?" in lines_of(model)[4]


@pytest.mark.parametrize("width", [40, 60, None])
def test_no_line_is_wider_than_asked(parts, width):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3, name="a_very_long_name_" * 8)])

    assert max(len(line) for line in lines_of(model, line_length=width)) <= (width or 80)


def test_name_with_brackets_is_printed_as_it_is(parts):
    model = ck.Sequential([ck.Input(shape=(4,)), parts.Affine(3, name="a[/b]")], name="[bold]")

    assert lines_of(model)[0] == 'Model "[bold]"'
    assert any("a[/b] (Affine)" in line for line in lines_of(model))


def test_layers_are_listed_as_the_model_calls_them(parts):
    first, second = parts.Affine(4), parts.Affine(4)
    ck.Sequential([first])
    ck.Sequential([second])

    lines = lines_of(ck.Sequential([ck.Input(shape=(4,)), first, second]))

    assert any("affine_1 (Affine)" in line for line in lines)


@pytest.mark.parametrize(
    ("units", "written"), [(1, "(20 B)"), (100, "(2.0 KiB)"), (10**6, "(19.1 MiB)")], ids=["B", "KiB", "MiB"]
)
def test_memory_is_written_for_people(parts, units, written):
    assert written in lines_of(ck.Sequential([parts.Affine(units, input_shape=(4,))]))[-1]

"""A model whose plugin is not here: looked at, renamed, rearranged and saved again without loss."""

import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, LayerError, LoadError, SaveError
from corekit.registry import registry
from corekit.saving import format as files

GATED = """
    import corekit as ck
    import torch

    class Gated(ck.Layer):
        def __init__(self, units, inner=None, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.units, self.inner = units, inner
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer=torch.nn.init.normal_)
            self.moving = self.add_weight(shape=(), initializer=torch.ones, trainable=False, name="moving")
        def call(self, inputs):
            x = inputs @ self.kernel * self.moving
            return x if self.inner is None else self.inner(x)
        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

    class Here(ck.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer=torch.ones)
        def call(self, inputs):
            return inputs * self.scale

    def double(x):
        return x * 2
"""


@pytest.fixture
def plugins(site):
    """Two plugins of one module: one that stays, and one that goes."""
    site.install("here", {"layers": {"Here": "gated:Here"}}, gated=GATED)
    entries = {"layers": {"Gated": "gated:Gated"}, "activations": {"double": "gated:double"}}
    site.install("gone", entries, version="1.2")
    return site


def forget(site):
    """Uninstall the one that goes."""
    for file in (site.root / "site" / "gone-1.2.dist-info").iterdir():
        file.unlink()
    (site.root / "site" / "gone-1.2.dist-info").rmdir()
    registry.refresh()


def drawn():
    torch.manual_seed(0)
    x = inputs = ck.Input((4,), name="x")
    gated = ck.layer("gone:Gated", units=4, name="gated")
    x = gated(gated(ck.layer("here:Here", name="first")(x)))
    model = ck.Model(inputs, ck.layer("here:Here", name="last")(x) + 1.0)
    with torch.no_grad():
        gated.moving.mul_(3.0)
    return model


def in_a_row():
    return ck.Sequential([ck.Input((4,)), ck.layer("gone:Gated", units=3), ck.layer("here:Here")])


@pytest.mark.parametrize("make", [drawn, in_a_row])
def test_file_saved_again_is_the_same(plugins, path, make):
    make().save(path)
    before = path.read_bytes()
    forget(plugins)

    ck.load_model(path, missing="placeholder").save(path)

    assert path.read_bytes() == before


def test_shards_saved_again_are_the_same(plugins, path):
    drawn().save(path, max_shard_size=600 / 2**30)
    before = {one.name: one.read_bytes() for one in path.parent.glob("m*")}
    forget(plugins)

    ck.load_model(path, missing="placeholder").save(path, max_shard_size=600 / 2**30)

    assert len(before) > 2
    assert {one.name: one.read_bytes() for one in path.parent.glob("m*")} == before


@pytest.mark.parametrize("make", [drawn, in_a_row])
def test_model_is_whole_again_with_its_plugin(plugins, path, make):
    model = make()
    model.save(path)
    forget(plugins)
    ck.load_model(path, missing="placeholder").save(path)
    plugins.install("gone", {"layers": {"Gated": "gated:Gated"}}, version="1.2")
    registry.refresh()
    x = torch.randn(2, 4)

    assert torch.equal(ck.load_model(path)(x), model(x))


def test_without_being_told_it_is_an_error(plugins, path):
    drawn().save(path)
    forget(plugins)

    with pytest.raises(LoadError, match="gone") as caught:
        ck.load_model(path)

    assert caught.value.code == "missing-part"


def test_summary_shows_it_with_shapes_and_sizes(plugins, path):
    drawn().save(path)
    forget(plugins)
    lines = []

    model = ck.load_model(path, missing="placeholder")
    model.summary(print_fn=lines.append)

    (line,) = [line for line in lines if "MissingGated" in line]
    assert "gated" in line
    assert "17" in line
    assert [tuple(out.shape) for out in model.outputs] == [(None, 4)]


def test_calling_says_what_is_missing(plugins, path):
    drawn().save(path)
    forget(plugins)
    model = ck.load_model(path, missing="placeholder")

    with pytest.raises(LayerError, match=r'"gated" cannot be called.*\n.*"gone:Gated"|gone'):
        model(torch.ones(2, 4))


def test_renamed_and_moved_layer_keeps_what_it_has(plugins, path):
    model = in_a_row()
    model.save(path)
    forget(plugins)
    loaded = ck.load_model(path, missing="placeholder")

    other = ck.Sequential([ck.Input((4,)), ck.layer("here:Here", name="new"), loaded.layers[0]])
    other.save(path)
    plugins.install("gone", {"layers": {"Gated": "gated:Gated"}}, version="1.2")
    registry.refresh()
    x = torch.randn(2, 4)

    assert torch.equal(ck.load_model(path)(x), model.layers[0](x))


def test_layer_here_that_needs_what_is_not_is_left_out_whole(plugins, path):
    plugins.install("third", {"layers": {"Gated": "gated:Gated"}})
    registry.refresh()
    layer = ck.layer({"id": "third:Gated", "config": {"units": 4, "activation": ck.get("activations", "gone:double")}})
    ck.Sequential([ck.Input((4,)), layer]).save(path)
    forget(plugins)

    model = ck.load_model(path, missing="placeholder")

    assert type(model.layers[0]).__name__ == "MissingGated"
    assert any("gone" in line for line in model.layers[0].missing)


def test_layers_inside_it_are_numbered_anew(plugins, path):
    inner = ck.layer("here:Here", name="inner")
    gated = ck.layer("gone:Gated", units=4, inner=inner, name="g")
    here = [ck.layer("here:Here", name=name) for name in "az"]
    ck.Sequential([ck.Input((4,)), here[0], gated, here[1]]).save(path)
    forget(plugins)

    loaded = ck.load_model(path, missing="placeholder")
    ck.Sequential([ck.Input((4,)), *loaded.layers[1:]]).save(path)

    numbers = [part["number"] for _, part in files.read_header(path).metadata["architecture"]["layers"]]
    assert numbers == [1, 3]


def test_shared_part_of_it_cannot_be_left_out(plugins, path):
    inner = ck.layer("here:Here", name="inner")
    ck.Sequential([ck.Input((4,)), inner, ck.layer("gone:Gated", units=4, inner=inner)]).save(path)
    forget(plugins)

    with pytest.raises(LoadError, match="shares a layer") as caught:
        ck.load_model(path, missing="placeholder")

    assert caught.value.code == "missing-part"


def test_other_word_is_an_error(path):
    with pytest.raises(ArgumentError, match='expected "error" or "placeholder"'):
        ck.load_model(path, missing="ignore")


def test_what_is_missing_without_a_file_cannot_be_saved(plugins, path):
    model = in_a_row()
    forget(plugins)

    with pytest.raises((SaveError, ck.CorekitError)):
        model.save(path)
    assert not path.exists()

"""Libraries of strangers, made into a plugin by a few lines, and held to the kit: einops, lion-pytorch, x-transformers
and torchmetrics. What one of them does not do is declared with the reason, and the kit sees to it that it is true."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROJECT = """
[project]
name = "third-party"
version = "1.0"
dependencies = ["corekit", "einops", "lion-pytorch", "torchmetrics", "x-transformers"]
[project.entry-points."corekit.layers"]
Encode = "third_party.with_x_transformers:Encode"
Rearrange = "third_party.with_einops:Rearrange"
Reduce = "third_party.with_einops:Reduce"
[project.entry-points."corekit.optimizers"]
Lion = "third_party.with_lion:Lion"
[project.entry-points."corekit.metrics"]
PositionAccuracy = "third_party.with_torchmetrics:PositionAccuracy"
"""

MODULES = {
    "__init__": "",
    "with_einops": '''
from einops.layers import torch as einops
from corekit import example


@example((4, 6), pattern="b t c -> b c t")
@example((4, 6), pattern="b (t s) c -> b t (s c)", s=2)
class Rearrange(einops.Rearrange):
    """Moves and merges axes as its pattern says."""


@example((4, 6), pattern="b t c -> b c", reduction="mean")
@example((4, 6), pattern="b (t s) c -> b t c", reduction="max", s=2)
class Reduce(einops.Reduce):
    """Reduces axes as its pattern says."""
''',
    "with_lion": '''
import lion_pytorch
from corekit import example, known_failure


@known_failure("rate_zero", "it asserts that the rate is above 0")
@known_failure("copies", "torch copies the state of an optimizer, and not its attribute decoupled_wd")
@example(lr=0.01)
@example(lr=0.01, weight_decay=0.1)
class Lion(lion_pytorch.Lion):
    """Steps by the sign of the momentum."""
''',
    "with_x_transformers": '''
import x_transformers
from corekit import example, known_failure

FLOAT32 = "its attention computes the softmax in float32, whatever the precision"


@known_failure("gradients", FLOAT32)
@known_failure("inference_gradients", FLOAT32)
@known_failure("second_gradients", FLOAT32)
@known_failure("import_budget", "it imports torch's compiler, which changes the filters of warnings")
@example((3, 4), dim=4, depth=1, heads=2, attn_dim_head=2, ff_mult=1)
class Encode(x_transformers.Encoder):
    """A stack of attention and feed-forward blocks."""
''',
    "with_torchmetrics": '''
import torchmetrics.functional.classification as metrics
from corekit import Metric, Values, example, known_failure


@known_failure("empty_batch", "torchmetrics cannot reshape a batch of no samples")
@known_failure("waits_for_nothing", "torch's one_hot, which it calls, reads the largest class on the host")
@known_failure("import_budget", "torchmetrics imports scipy and matplotlib, which change the filters of warnings")
@example(Values((6,), high=5, dtype="int64"), Values((6, 5), low=0.0))
class PositionAccuracy(Metric):
    """Share of positions whose likeliest class is the right one, as torchmetrics counts it."""

    def call(self, y_true, y_pred):
        """Return one value per sample: y_true (batch, positions), y_pred (batch, positions, classes)."""
        how = {"average": "micro", "multidim_average": "samplewise", "validate_args": False}
        return metrics.multiclass_accuracy(y_pred.movedim(-1, 1), y_true.long(), y_pred.shape[-1], **how)
''',
}


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("third-party")
    folder.joinpath("pyproject.toml").write_text(PROJECT)
    package = folder / "src" / "third_party"
    package.mkdir(parents=True)
    for name, source in MODULES.items():
        package.joinpath(f"{name}.py").write_text(source)
    command = [sys.executable, "-m", "corekit", "check", str(folder), "--json", "--timeout", "300"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_each_passes_the_kit(card):
    failed = [
        f"{one['component']} {one['check']}: {one['message']}" for one in card["outcomes"] if one["status"] == "failed"
    ]

    assert "\n".join(failed) == ""


def test_enough_checks_ran_on_each(card):
    ran = {one["name"]: one["ran"] for one in card["components"]}

    assert ran.keys() == {"Encode", "Lion", "PositionAccuracy", "Rearrange", "Reduce"}
    assert min(ran.values()) >= 20


def test_tiers_tell_them_apart(card):
    tiers = {one["name"]: one["tier"] for one in card["components"]}

    assert (tiers["Rearrange"], tiers["Reduce"]) == ("complete", "complete")
    assert tiers["Encode"] == "works"
    assert card["tier"] == "-"

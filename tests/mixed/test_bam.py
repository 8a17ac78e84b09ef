"""Tests of `BAM` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import BAM
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case", [Published("bam"), Published("bam_add")], ids=str
)


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_statistics_after_a_training_step(case, data_format):
    published.check_statistics(case, data_format)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


def built(*args, channels=16, **kwargs):
    layer = BAM(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    names = ("gamma", "beta")
    assert [role(weight) for weight in built().trainable_weights] == [
        "squeeze/kernel",
        "squeeze/bias",
        *(f"squeeze_norm/{name}" for name in names),
        "excite/kernel",
        "excite/bias",
        "reduce/kernel",
        "reduce/bias",
        *(f"reduce_norm/{name}" for name in names),
        *(
            f"dilated_{index}/{name}"
            for index in range(2)
            for name in ("bias", "conv/kernel", "norm/gamma", "norm/beta")
        ),
        "score/kernel",
        "score/bias",
    ]


@pytest.mark.parametrize(
    ("channels", "count"), [(8, 64), (64, 1_173), (256, 17_361), (512, 68_513)]
)
def test_has_as_many_parameters_as_published(channels, count):
    weights = built(channels=channels).trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


def test_normalization_has_the_constants_of_the_authors():
    layer = built()
    norms = [layer.squeeze_norm, layer.reduce_norm]
    norms += [dilated.norm for dilated in layer.dilated]
    for norm in norms:
        assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize("combine", ["multiply", "add"])
def test_scores_of_channels_and_of_positions_are_combined(combine, rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    layer = built(combine=combine)
    layer.score.kernel.assign(np.zeros(layer.score.kernel.shape))
    layer.score.bias.assign([2.0])
    layer.excite.kernel.assign(np.zeros(layer.excite.kernel.shape))
    layer.excite.bias.assign(np.arange(16) / 8)
    score = {"multiply": np.multiply, "add": np.add}[combine](
        2, np.arange(16) / 8
    )
    expected = np.broadcast_to(1 / (1 + np.exp(-score)), x.shape)
    assert_close(layer.attention(x), expected)
    assert_close(layer(x), (1 + expected) * x)


def test_a_score_of_a_position_depends_on_a_window_of_17_positions(rng):
    layer = built(1)
    # The same for every map, whose mean changes too.
    layer.excite.kernel.assign(np.zeros(layer.excite.kernel.shape))
    layer.excite.bias.assign(np.ones(16))
    x = rng.normal(size=(1, 31, 31, 16)).astype("float32")
    before = to_numpy(layer.attention(x))
    x[0, 15, 15] += 1
    after = to_numpy(layer.attention(x))
    seen = np.argwhere(np.abs(after - before) > 1e-7)[:, 1:3]
    assert (np.abs(seen - 15) <= 8).all()
    assert (np.abs(seen - 15) > 4).any()


def test_batches_of_one_sample_train(rng):
    x = rng.normal(size=(1, 5, 6, 16)).astype("float32")
    outputs, gradients, weight_gradients = vjp(
        built(4), [x], np.ones((1, 5, 6, 16), "float32"), training=True
    )
    for array in (outputs, *gradients, *weight_gradients.values()):
        assert np.isfinite(array).all()

"""Tests of `MultiScaleChannelAttention` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import MultiScaleChannelAttention


def built(channels=16, *args, **kwargs):
    layer = MultiScaleChannelAttention(
        *args, data_format="channels_last", **kwargs
    )
    layer.build((None, None, None, channels))
    return layer


def branch(name):
    return [
        f"{name}_context/{part}/{weight}"
        for part, weights in (
            ("reduce", ("kernel", "bias")),
            ("reduce_norm", NORM),
            ("expand", ("kernel", "bias")),
            ("expand_norm", NORM),
        )
        for weight in weights
    ]


NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def test_weights_are_named_for_their_roles():
    roles = {role(weight) for weight in built().weights}
    assert roles == {*branch("local"), *branch("global")}


@pytest.mark.parametrize(
    ("channels", "count"), [(64, 4_576), (256, 67_456), (2, 26)]
)
def test_has_as_many_parameters_as_published(channels, count):
    weights = built(channels).trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


def test_normalization_has_the_constants_of_the_authors():
    layer = built()
    for context in (layer.local_context, layer.global_context):
        for norm in (context.reduce_norm, context.expand_norm):
            assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)


def test_kernels_are_initialized_as_in_pytorch():
    kernel = np.array(built(256).local_context.reduce.kernel)
    assert 0.9 / 16 < np.abs(kernel).max() <= 1 / 16


def test_contexts_are_global_and_local(rng):
    """The global context is one vector per sample, not per position."""
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    layer = built()
    layer.local_context.expand_norm.gamma.assign(np.zeros(16))
    gate = to_numpy(layer.attention(x))
    assert_close(gate, np.broadcast_to(gate[:, :1, :1], gate.shape))
    layer = built()
    layer.global_context.expand_norm.gamma.assign(np.zeros(16))
    gate = to_numpy(layer.attention(x))
    assert_close(layer.attention(x[:, ::-1]), gate[:, ::-1])
    assert_close(layer.attention(x[:, :1]), gate[:, :1])

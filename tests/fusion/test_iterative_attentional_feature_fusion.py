"""Tests of `IterativeAttentionalFeatureFusion` beyond the contract."""

import numpy as np
import pytest

from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import AttentionalFeatureFusion
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import MultiScaleChannelAttention

SHAPE = (2, 5, 6, 16)


@pytest.fixture
def pair(rng):
    return [rng.normal(size=SHAPE).astype("float32") for _ in range(2)]


def built(channels=16, **kwargs):
    layer = IterativeAttentionalFeatureFusion(
        data_format="channels_last", **kwargs
    )
    layer.build(*[(None, None, None, channels)] * 2)
    return layer


def parameters(layer):
    return sum(np.prod(weight.shape) for weight in layer.trainable_weights)


@pytest.mark.parametrize(("channels", "count"), [(64, 9_152), (256, 134_912)])
def test_has_as_many_parameters_as_published(channels, count):
    assert parameters(built(channels)) == count


def test_shared_context_exists_once():
    shared, own = built(share_global=True), built()
    assert shared.second_global_context is shared.global_context
    assert parameters(shared) * 4 == parameters(own) * 3
    assert len({weight.path for weight in shared.weights}) == 3 * 12


@pytest.mark.parametrize("share_global", [False, True])
def test_equals_two_gates(share_global, pair):
    layer = built(share_global=share_global)
    first, second = MultiScaleChannelAttention(), MultiScaleChannelAttention()
    for gate, contexts in (
        (first, (layer.local_context, layer.global_context)),
        (
            second,
            (layer.second_local_context, layer.second_global_context),
        ),
    ):
        gate.build(SHAPE)
        for name, context in zip(
            ("local_context", "global_context"), contexts, strict=True
        ):
            getattr(gate, name).set_weights(context.get_weights())
    x, residual = pair
    w = to_numpy(first.attention(x + residual))
    w = to_numpy(second.attention(w * x + (1 - w) * residual))
    assert_close(layer.attention(x, residual), w)
    assert_close(layer(x, residual), w * x + (1 - w) * residual)


def test_has_no_factor(pair):
    """With equal weights the output is the mean; that of AFF is the sum."""
    iterative = built()
    single = AttentionalFeatureFusion(data_format="channels_last")
    single.build(SHAPE, SHAPE)
    for norm in (
        single.local_context.expand_norm,
        single.global_context.expand_norm,
        iterative.second_local_context.expand_norm,
        iterative.second_global_context.expand_norm,
    ):
        norm.gamma.assign(np.zeros(16))
    assert_close(2 * iterative(*pair), to_numpy(single(*pair)))


def test_shared_statistics_update_twice(pair):
    """The momentum is applied in each of the two passes."""
    layer = built(share_global=True)
    norm = layer.global_context.expand_norm
    for variable in (norm.moving_mean, norm.moving_variance):
        variable.assign(np.full(16, 1e6))
    vjp(layer, pair, pair[0], training=True)
    kept = to_numpy(norm.moving_variance) / 1e6
    assert_close(kept, np.full(16, 0.81, "float32"), 1e-4)
    other = layer.local_context.expand_norm
    other.moving_variance.assign(np.full(16, 1e6))
    vjp(layer, pair, pair[0], training=True)
    kept = to_numpy(other.moving_variance) / 1e6
    assert_close(kept, np.full(16, 0.9, "float32"), 1e-4)

"""Tests of `AttentionalFeatureFusion`, and of fusions in general."""

import keras
import numpy as np
import pytest

from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import AttentionalFeatureFusion
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import MultiScaleChannelAttention

PAIRS = [AttentionalFeatureFusion, IterativeAttentionalFeatureFusion]
SHAPE = (2, 5, 6, 16)


@pytest.fixture
def pair(rng):
    return [rng.normal(size=SHAPE).astype("float32") for _ in range(2)]


def built(layer_cls=AttentionalFeatureFusion, channels=16, **kwargs):
    layer = layer_cls(data_format="channels_last", **kwargs)
    layer.build(*[(None, None, None, channels)] * 2)
    return layer


@pytest.mark.parametrize(("channels", "count"), [(64, 4_576), (256, 67_456)])
def test_has_as_many_parameters_as_published(channels, count):
    weights = built(channels=channels).trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


def test_gate_is_that_of_the_sum(pair):
    layer, gate = built(), MultiScaleChannelAttention()
    gate.build(SHAPE)
    gate.set_weights(layer.get_weights())
    assert_close(layer.attention(*pair), gate.attention(pair[0] + pair[1]))


def test_weight_of_one_half_is_the_sum(pair):
    """The factor is 2, so the layer can replace `Add`."""
    layer = built()
    for context in (layer.local_context, layer.global_context):
        context.expand_norm.gamma.assign(np.zeros(16))
    assert_close(layer.attention(*pair), np.full(SHAPE, 0.5, "float32"))
    assert_close(layer(*pair), to_numpy(keras.layers.Add()(pair)))


@pytest.mark.parametrize("layer_cls", PAIRS)
@pytest.mark.parametrize(
    "other", [(2, 5, 6, 8), (2, 5, 1, 16), (1, 5, 6, 16), (2, 5, 16)]
)
def test_unequal_shapes_raise(layer_cls, other):
    message = r"must have the same shape\. Received: x_shape=.*residual_shape="
    with pytest.raises(ValueError, match=message):
        layer_cls().build(SHAPE, other)
    with pytest.raises(ValueError, match=message):
        layer_cls().compute_output_shape(SHAPE, other)
    with pytest.raises(ValueError, match=message):
        built(layer_cls)(np.ones(SHAPE), np.ones(other))
    with pytest.raises(ValueError, match=message):
        built(layer_cls)(keras.KerasTensor(SHAPE), keras.KerasTensor(other))


@pytest.mark.parametrize("layer_cls", PAIRS)
def test_batches_of_one_sample_train(layer_cls, pair):
    x = [array[:1] for array in pair]
    outputs, gradients, weight_gradients = vjp(
        built(layer_cls), x, np.ones((1, *SHAPE[1:]), "float32"), training=True
    )
    for array in (outputs, *gradients, *weight_gradients.values()):
        assert np.isfinite(array).all()

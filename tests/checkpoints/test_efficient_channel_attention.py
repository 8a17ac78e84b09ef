"""The kernel of efficient channel attention gives an unbuilt layer its size."""

import re

import keras
import numpy as np
import pytest

from keras_attention import EfficientChannelAttention
from keras_attention import load_reference_weights


def kernel(size):
    return np.linspace(-1, 1, size, dtype="float32").reshape(1, 1, size)


def gate(layer, x):
    return keras.ops.convert_to_numpy(layer.attention(x))


@pytest.mark.parametrize("name", ["conv.weight", "layer1.0.eca.conv.weight"])
def test_layer_that_is_not_built_gets_kernel_and_size(name, rng):
    """The authors' network has 3 for 256 channels, and the rule gives 5."""
    x = rng.normal(size=(2, 3, 3, 256)).astype("float32")
    layer = EfficientChannelAttention()
    load_reference_weights(layer, {name: kernel(3)})
    assert not layer.built
    assert layer.get_config()["kernel_size"] == 3
    expected = EfficientChannelAttention(3)
    expected.build(x.shape)
    load_reference_weights(expected, {name: kernel(3)})
    np.testing.assert_array_equal(gate(layer, x), gate(expected, x))
    assert layer.count_params() == 3
    # It is then a layer like any other.
    load_reference_weights(layer, {name: 2 * kernel(3)})
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(layer.kernel)[:, 0, 0], [-2, 0, 2]
    )


def test_model_of_a_layer_that_was_not_built_is_saved(tmp_path, rng):
    layer = EfficientChannelAttention(dtype="mixed_bfloat16")
    load_reference_weights(layer, {"conv.weight": kernel(7)})
    inputs = keras.Input((4, 4, 16))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert old.ravel().tolist() == kernel(7).ravel().tolist()
        np.testing.assert_array_equal(old, new)


def test_size_of_a_layer_that_is_not_built_may_be_given():
    layer = EfficientChannelAttention(5)
    load_reference_weights(layer, {"conv.weight": kernel(5)})
    assert layer.kernel_size == 5


@pytest.mark.parametrize("built", [True, False])
def test_kernel_of_another_size_raises_with_a_hint(built):
    layer = EfficientChannelAttention(5)
    if built:
        layer.build((None, 4, 4, 16))
    with pytest.raises(ValueError, match="shape mismatch") as caught:
        load_reference_weights(layer, {"conv.weight": kernel(3)})
    assert str(caught.value).splitlines()[1:] == [
        ("shape mismatch: 'conv.weight' (found (1, 1, 3), expected (1, 1, 5))"),
        (
            "The kernel of the source has 3 weights: set `kernel_size=3` in "
            "the target."
        ),
    ]
    assert layer.kernel_size == 5


def test_size_by_the_rule_raises_with_a_hint_if_built():
    layer = EfficientChannelAttention()
    layer.build((None, 4, 4, 256))
    with pytest.raises(ValueError, match=r"set `kernel_size=3` in the target"):
        load_reference_weights(layer, {"conv.weight": kernel(3)})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "Received: no names"),
        ({"fc.weight": np.zeros((3, 3))}, "Received: 'fc.weight'"),
        ({"conv.weight": np.zeros(3)}, "shape mismatch: 'conv.weight'"),
        ({"conv.weight": np.zeros((8, 8, 3))}, "shape mismatch: 'conv.weight'"),
        ({"conv.weight": kernel(4)}, "Received: kernel_size=4"),
        ({"conv.weight": kernel(3) * np.nan}, "Received: not finite="),
        (
            {"conv.weight": kernel(3), "bn.weight": np.zeros(3)},
            "unexpected keys: 'bn.weight'",
        ),
    ],
)
def test_layer_that_is_not_built_is_unchanged_by_an_error(source, message):
    layer = EfficientChannelAttention()
    config = layer.get_config()
    with pytest.raises(ValueError, match=re.escape(message)):
        load_reference_weights(layer, source)
    assert layer.get_config() == config
    layer.build((None, 4, 4, 64))
    assert layer.kernel.shape == (3, 1, 1)
    assert np.any(keras.ops.convert_to_numpy(layer.kernel) != 0)

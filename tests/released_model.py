"""A model of all layers, which each release leaves for the next ones to load.

`python tests/released_model.py` writes it, and what it computes, for the
version that there is now. Files of versions that were released stay as they
are.
"""

from pathlib import Path

import keras
import numpy as np

import keras_attention as ka
from keras_attention import _cards

FOLDER = Path(__file__).parent / "released"
SHAPE = (9, 8, 8)


def layers():
    """Return each layer that takes a map, on its own."""
    localization = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(3, "tanh"),
        ]
    )
    return [
        ka.SqueezeExcite(4),
        ka.GatedChannelTransform(),
        ka.ChannelAttention(4),
        ka.SpatialAttention(3, use_norm=True),
        ka.CBAM(4, spatial_input="refined"),
        ka.SpatialGroupEnhance(4),
        ka.LinearContextTransform(4),
        ka.MultiScaleChannelAttention(4),
        ka.SelectiveKernel(8, min_units=4),
        ka.ShuffleAttention(2),
        ka.ResidualAttention(1, trunk=1, reduction=2),
        ka.SpatialTransformer(localization),
        ka.DeformableConv2D(8),
        ka.ConvOffset2D(),
        ka.IdentityStart(ka.SqueezeExcite(4)),
        ka.SplitAttention(8, min_units=4),
    ]


def gates(others):
    """Return each gate that is not among other layers, with its defaults."""
    classes = {type(layer) for layer in others}
    return [
        cls()
        for cls in _cards.layers().values()
        if cls.card.is_gate and cls not in classes
    ]


def model():
    """Return a model with an output for each layer, at generic weights."""
    maps = keras.Input(SHAPE)
    locations = keras.Input((2,))
    single = layers()
    pairs = [ka.AttentionGate(), ka.AttentionGate(grid=True)]
    gated = gates([*single, *pairs])
    outputs = [layer(maps) for layer in [*single, *gated]]
    outputs += [
        *(layer(maps, outputs[0]) for layer in pairs),
        ka.AttentionalFeatureFusion(4)(maps, outputs[0]),
        ka.IterativeAttentionalFeatureFusion(4)(maps, outputs[0]),
        ka.GlimpseSensor(3)(maps, locations),
        ka.GlimpseNetwork(4, glimpse_size=3)(maps, locations),
        ka.RecurrentAttention(3, units=4, glimpse_size=3)(maps),
    ]
    whole = keras.Model([maps, locations], outputs)
    rng = np.random.default_rng(0)
    for weight in whole.weights:
        value = rng.normal(size=weight.shape)
        positive = weight.path.endswith("moving_variance")
        weight.assign(0.5 + value**2 if positive else 0.3 * value)
    return whole


def inputs():
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(2, *SHAPE)).astype("float32")
    return [maps, rng.uniform(-1, 1, (2, 2)).astype("float32")]


def write():
    whole, version = model(), ka.__version__
    whole.save(FOLDER / f"{version}.keras")
    outputs = map(keras.ops.convert_to_numpy, whole(inputs()))
    np.savez(FOLDER / f"{version}.npz", *outputs)


if __name__ == "__main__":
    write()

"""`grid_sample` as a layer, which `autodiff.vjp` can differentiate."""

import itertools

import keras

from keras_attention.ops import grid_sample

SETTINGS = [
    {
        "interpolation": interpolation,
        "padding_mode": padding_mode,
        "align_corners": align_corners,
    }
    for interpolation, padding_mode, align_corners in itertools.product(
        ("bilinear", "nearest", "bicubic"),
        ("zeros", "border", "reflection"),
        (True, False),
    )
]


class Sampler(keras.layers.Layer):
    def __init__(self, settings, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        self.built = True  # it has no weights
        self.settings = {**settings, "data_format": data_format}

    def call(self, x, grid, training=None):
        return grid_sample(x, grid, **self.settings)


def name(settings):
    return "-".join(map(str, settings.values()))

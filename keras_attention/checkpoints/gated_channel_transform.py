"""Key maps of gated channel transformation."""

from keras_attention.checkpoints._axis_order import CHANNELS

GATED_CHANNEL_TRANSFORM_KEY_MAPS = {
    "official": {
        "alpha": ("alpha", CHANNELS),
        "gamma": ("gamma", CHANNELS),
        "beta": ("beta", CHANNELS),
    },
}

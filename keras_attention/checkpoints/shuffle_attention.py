"""Key maps of shuffle attention."""

from keras_attention.checkpoints._axis_order import CHANNELS
from keras_attention.checkpoints._axis_order import VECTOR

SHUFFLE_ATTENTION_KEY_MAPS = {
    "official": {
        "cweight": ("channel_weight", CHANNELS),
        "cbias": ("channel_bias", CHANNELS),
        "sweight": ("spatial_weight", CHANNELS),
        "sbias": ("spatial_bias", CHANNELS),
        "gn.weight": ("gamma", VECTOR),
        "gn.bias": ("beta", VECTOR),
    },
}

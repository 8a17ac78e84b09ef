"""Key maps of global response normalization."""

from keras_attention.checkpoints._axis_order import CHANNELS_LAST
from keras_attention.checkpoints._axis_order import VECTOR

GLOBAL_RESPONSE_NORM_KEY_MAPS = {
    "official": {
        "gamma": ("gamma", CHANNELS_LAST),
        "beta": ("beta", CHANNELS_LAST),
    },
    "timm": {
        "weight": ("gamma", VECTOR),
        "bias": ("beta", VECTOR),
    },
}

"""Key maps of spatial group-wise enhance."""

from keras_attention.checkpoints._axis_order import CHANNELS

SPATIAL_GROUP_ENHANCE_KEY_MAPS = {
    "official": {
        "weight": ("gamma", CHANNELS),
        "bias": ("beta", CHANNELS),
    },
}

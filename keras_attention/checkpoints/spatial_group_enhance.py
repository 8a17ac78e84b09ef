"""The names of published spatial group-wise enhance weights."""

from keras_attention.checkpoints._kinds import CHANNELS

SPATIAL_GROUP_ENHANCE_LAYOUTS = {
    "official": {
        "weight": ("gamma", CHANNELS),
        "bias": ("beta", CHANNELS),
    },
}

"""The names of published gated channel transformation weights."""

from keras_attention.checkpoints._kinds import CHANNELS

GATED_CHANNEL_TRANSFORM_LAYOUTS = {
    "official": {
        "alpha": ("alpha", CHANNELS),
        "gamma": ("gamma", CHANNELS),
        "beta": ("beta", CHANNELS),
    },
}

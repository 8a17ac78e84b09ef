"""Hard attention: layers and models that select glimpses or patches."""

from keras_attention.hard.dynamic_capacity_network import DynamicCapacityNetwork
from keras_attention.hard.glimpse_network import GlimpseNetwork
from keras_attention.hard.glimpse_sensor import GlimpseSensor
from keras_attention.hard.recurrent_attention import RecurrentAttention

__all__ = [
    "DynamicCapacityNetwork",
    "GlimpseNetwork",
    "GlimpseSensor",
    "RecurrentAttention",
]

"""Where to look at all: glimpses, and networks that choose them."""

from keras_attention.hard.glimpse_network import GlimpseNetwork
from keras_attention.hard.glimpse_sensor import GlimpseSensor
from keras_attention.hard.recurrent_attention import RecurrentAttention

__all__ = ["GlimpseNetwork", "GlimpseSensor", "RecurrentAttention"]

"""Attention layers of the vision literature for Keras 3, on every backend."""

from keras_attention.channel import ChannelAttention
from keras_attention.channel import GatedChannelTransform
from keras_attention.channel import SqueezeExcite
from keras_attention.checkpoints import load_reference_weights
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import GlimpseSensor
from keras_attention.hard import RecurrentAttention
from keras_attention.mixed import CBAM
from keras_attention.spatial import SpatialAttention
from keras_attention.spatial import SpatialGroupEnhance

__all__ = [
    "CBAM",
    "ChannelAttention",
    "GatedChannelTransform",
    "GlimpseNetwork",
    "GlimpseSensor",
    "RecurrentAttention",
    "SpatialAttention",
    "SpatialGroupEnhance",
    "SqueezeExcite",
    "load_reference_weights",
]
__version__ = "0.1.0"

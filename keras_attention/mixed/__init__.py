"""Channel and spatial attention in one layer."""

from keras_attention.mixed.cbam import CBAM
from keras_attention.mixed.residual_attention import ResidualAttention

__all__ = ["CBAM", "ResidualAttention"]

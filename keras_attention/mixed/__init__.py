"""Which channels and which positions: both in one layer."""

from keras_attention.mixed.cbam import CBAM

__all__ = ["CBAM"]

"""Which positions matter: one weight per place."""

from keras_attention.spatial.spatial_attention import SpatialAttention
from keras_attention.spatial.spatial_group_enhance import SpatialGroupEnhance

__all__ = ["SpatialAttention", "SpatialGroupEnhance"]

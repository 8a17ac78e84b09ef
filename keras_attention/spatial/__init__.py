"""Which positions matter: one weight a place, or where to look."""

from keras_attention.spatial.spatial_attention import SpatialAttention
from keras_attention.spatial.spatial_group_enhance import SpatialGroupEnhance
from keras_attention.spatial.spatial_transformer import SpatialTransformer

__all__ = ["SpatialAttention", "SpatialGroupEnhance", "SpatialTransformer"]

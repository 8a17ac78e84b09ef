"""Attentional fusion of feature maps.

The plain sum of two maps, which these replace (it is also known as
direct additive fusion, DAF), is `keras.layers.Add`.
"""

from keras_attention.fusion.attentional_feature_fusion import (
    AttentionalFeatureFusion,
)
from keras_attention.fusion.iterative_attentional_feature_fusion import (
    IterativeAttentionalFeatureFusion,
)
from keras_attention.fusion.selective_kernel import SelectiveKernel

__all__ = [
    "AttentionalFeatureFusion",
    "IterativeAttentionalFeatureFusion",
    "SelectiveKernel",
]

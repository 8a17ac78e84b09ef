"""Attentional fusion of feature maps.

These layers replace the sum of two maps, `keras.layers.Add`, which is also
known as direct additive fusion (DAF).
"""

from keras_attention.fusion.attentional_feature_fusion import (
    AttentionalFeatureFusion,
)
from keras_attention.fusion.iterative_attentional_feature_fusion import (
    IterativeAttentionalFeatureFusion,
)
from keras_attention.fusion.selective_kernel import SelectiveKernel
from keras_attention.fusion.split_attention import SplitAttention

__all__ = [
    "AttentionalFeatureFusion",
    "IterativeAttentionalFeatureFusion",
    "SelectiveKernel",
    "SplitAttention",
]

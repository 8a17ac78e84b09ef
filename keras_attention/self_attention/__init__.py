"""Attention with weights of pairs: every position looks at every other."""

from keras_attention.self_attention.channel_self_attention import (
    ChannelSelfAttention,
)
from keras_attention.self_attention.criss_cross_attention import (
    CrissCrossAttention,
)
from keras_attention.self_attention.double_attention import DoubleAttention
from keras_attention.self_attention.external_attention import ExternalAttention
from keras_attention.self_attention.multi_scale_deformable_attention import (
    MultiScaleDeformableAttention,
)
from keras_attention.self_attention.non_local import NonLocal
from keras_attention.self_attention.position_attention import PositionAttention

__all__ = [
    "ChannelSelfAttention",
    "CrissCrossAttention",
    "DoubleAttention",
    "ExternalAttention",
    "MultiScaleDeformableAttention",
    "NonLocal",
    "PositionAttention",
]

"""Spatial attention and spatial sampling."""

from keras_attention.spatial.attention_gate import AttentionGate
from keras_attention.spatial.conv_offset2d import ConvOffset2D
from keras_attention.spatial.deformable_conv2d import DeformableConv2D
from keras_attention.spatial.deformable_conv2dv3 import DeformableConv2DV3
from keras_attention.spatial.deformable_conv2dv4 import DeformableConv2DV4
from keras_attention.spatial.large_kernel_attention import LargeKernelAttention
from keras_attention.spatial.spatial_attention import SpatialAttention
from keras_attention.spatial.spatial_group_enhance import SpatialGroupEnhance
from keras_attention.spatial.spatial_transformer import SpatialTransformer

__all__ = [
    "AttentionGate",
    "ConvOffset2D",
    "DeformableConv2D",
    "DeformableConv2DV3",
    "DeformableConv2DV4",
    "LargeKernelAttention",
    "SpatialAttention",
    "SpatialGroupEnhance",
    "SpatialTransformer",
]

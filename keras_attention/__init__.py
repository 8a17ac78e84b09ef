"""Attention layers of the vision literature for Keras 3, on every backend."""

from keras_attention import models as models
from keras_attention import ops as ops
from keras_attention.channel import ChannelAttention
from keras_attention.channel import GatedChannelTransform
from keras_attention.channel import SqueezeExcite
from keras_attention.checkpoints import export_reference_weights
from keras_attention.checkpoints import load_reference_weights
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.fusion import SelectiveKernel
from keras_attention.hard import DynamicCapacityNetwork
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import GlimpseSensor
from keras_attention.hard import RecurrentAttention
from keras_attention.mixed import CBAM
from keras_attention.mixed import IdentityStart
from keras_attention.mixed import MultiScaleChannelAttention
from keras_attention.mixed import ResidualAttention
from keras_attention.spatial import ConvOffset2D
from keras_attention.spatial import DeformableConv2D
from keras_attention.spatial import SpatialAttention
from keras_attention.spatial import SpatialGroupEnhance
from keras_attention.spatial import SpatialTransformer
from keras_attention.surgery import attach
from keras_attention.surgery import block_ends
from keras_attention.surgery import branch_ends
from keras_attention.surgery import replace_add
from keras_attention.surgery import stage_ends
from keras_attention.visualization import AttentionMonitor
from keras_attention.visualization import attention_maps
from keras_attention.visualization import grad_cam
from keras_attention.visualization import plot_attention

__all__ = [
    "CBAM",
    "AttentionMonitor",
    "AttentionalFeatureFusion",
    "ChannelAttention",
    "ConvOffset2D",
    "DeformableConv2D",
    "DynamicCapacityNetwork",
    "GatedChannelTransform",
    "GlimpseNetwork",
    "GlimpseSensor",
    "IdentityStart",
    "IterativeAttentionalFeatureFusion",
    "MultiScaleChannelAttention",
    "RecurrentAttention",
    "ResidualAttention",
    "SelectiveKernel",
    "SpatialAttention",
    "SpatialGroupEnhance",
    "SpatialTransformer",
    "SqueezeExcite",
    "attach",
    "attention_maps",
    "block_ends",
    "branch_ends",
    "export_reference_weights",
    "grad_cam",
    "load_reference_weights",
    "plot_attention",
    "replace_add",
    "stage_ends",
]
__version__ = "0.1.0"

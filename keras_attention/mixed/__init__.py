"""Attention over channels and locations at once, and around other layers."""

from keras_attention.mixed.bam import BAM
from keras_attention.mixed.cbam import CBAM
from keras_attention.mixed.identity_start import IdentityStart
from keras_attention.mixed.multi_scale_channel_attention import (
    MultiScaleChannelAttention,
)
from keras_attention.mixed.residual_attention import ResidualAttention
from keras_attention.mixed.sim_am import SimAM

__all__ = [
    "BAM",
    "CBAM",
    "IdentityStart",
    "MultiScaleChannelAttention",
    "ResidualAttention",
    "SimAM",
]

"""Channel and spatial attention, and `IdentityStart`."""

from keras_attention.mixed.bam import BAM
from keras_attention.mixed.cbam import CBAM
from keras_attention.mixed.coordinate_attention import CoordinateAttention
from keras_attention.mixed.identity_start import IdentityStart
from keras_attention.mixed.multi_scale_channel_attention import (
    MultiScaleChannelAttention,
)
from keras_attention.mixed.polarized_self_attention import (
    PolarizedSelfAttention,
)
from keras_attention.mixed.residual_attention import ResidualAttention
from keras_attention.mixed.shuffle_attention import ShuffleAttention
from keras_attention.mixed.sim_am import SimAM
from keras_attention.mixed.spatial_channel_squeeze_excite import (
    SpatialChannelSqueezeExcite,
)
from keras_attention.mixed.triplet_attention import TripletAttention

__all__ = [
    "BAM",
    "CBAM",
    "CoordinateAttention",
    "IdentityStart",
    "MultiScaleChannelAttention",
    "PolarizedSelfAttention",
    "ResidualAttention",
    "ShuffleAttention",
    "SimAM",
    "SpatialChannelSqueezeExcite",
    "TripletAttention",
]

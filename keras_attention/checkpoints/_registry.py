"""The key maps of every class of layers, and of networks."""

from collections.abc import Callable
from typing import Any

import keras

from keras_attention.channel import ChannelAttention
from keras_attention.channel import EffectiveSqueezeExcite
from keras_attention.channel import EfficientChannelAttention
from keras_attention.channel import GatedChannelTransform
from keras_attention.channel import GatherExcite
from keras_attention.channel import GlobalContext
from keras_attention.channel import GlobalResponseNorm
from keras_attention.channel import LinearContextTransform
from keras_attention.channel import SqueezeExcite
from keras_attention.channel import StyleRecalibration
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints.attention_gate import attention_gate_key_maps
from keras_attention.checkpoints.bam import BAM_KEY_MAPS
from keras_attention.checkpoints.cbam import CBAM_KEY_MAPS
from keras_attention.checkpoints.cbam import CHANNEL_ATTENTION_KEY_MAPS
from keras_attention.checkpoints.cbam import SPATIAL_ATTENTION_KEY_MAPS
from keras_attention.checkpoints.coordinate_attention import (
    COORDINATE_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.deformable import CONV_OFFSET2D_KEY_MAPS
from keras_attention.checkpoints.deformable import DEFORMABLE_CONV2D_KEY_MAPS
from keras_attention.checkpoints.deformable_v3_v4 import (
    DEFORMABLE_CONV2D_V3_KEY_MAPS,
)
from keras_attention.checkpoints.deformable_v3_v4 import (
    DEFORMABLE_CONV2D_V4_KEY_MAPS,
)
from keras_attention.checkpoints.double_attention import (
    DOUBLE_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.effective_squeeze_excite import (
    EFFECTIVE_SQUEEZE_EXCITE_KEY_MAPS,
)
from keras_attention.checkpoints.efficient_channel_attention import (
    EFFICIENT_CHANNEL_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.external_attention import (
    external_attention_key_maps,
)
from keras_attention.checkpoints.feature_fusion import FEATURE_FUSION_KEY_MAPS
from keras_attention.checkpoints.feature_fusion import (
    iterative_feature_fusion_key_maps,
)
from keras_attention.checkpoints.gated_channel_transform import (
    GATED_CHANNEL_TRANSFORM_KEY_MAPS,
)
from keras_attention.checkpoints.gather_excite import gather_excite_key_maps
from keras_attention.checkpoints.global_context import GLOBAL_CONTEXT_KEY_MAPS
from keras_attention.checkpoints.global_response_norm import (
    GLOBAL_RESPONSE_NORM_KEY_MAPS,
)
from keras_attention.checkpoints.large_kernel_attention import (
    LARGE_KERNEL_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.linear_context_transform import (
    LINEAR_CONTEXT_TRANSFORM_KEY_MAPS,
)
from keras_attention.checkpoints.multi_scale_deformable_attention import (
    MULTI_SCALE_DEFORMABLE_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.networks import network_key_maps
from keras_attention.checkpoints.non_local import non_local_key_maps
from keras_attention.checkpoints.polarized_self_attention import (
    polarized_self_attention_key_maps,
)
from keras_attention.checkpoints.position_attention import (
    CHANNEL_SELF_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.position_attention import (
    CRISS_CROSS_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.position_attention import (
    POSITION_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.recurrent_attention import (
    glimpse_network_key_maps,
)
from keras_attention.checkpoints.recurrent_attention import (
    recurrent_attention_key_maps,
)
from keras_attention.checkpoints.selective_kernel import (
    selective_kernel_key_maps,
)
from keras_attention.checkpoints.shuffle_attention import (
    SHUFFLE_ATTENTION_KEY_MAPS,
)
from keras_attention.checkpoints.spatial_group_enhance import (
    SPATIAL_GROUP_ENHANCE_KEY_MAPS,
)
from keras_attention.checkpoints.split_attention import SPLIT_ATTENTION_KEY_MAPS
from keras_attention.checkpoints.squeeze_excite import (
    SPATIAL_CHANNEL_SQUEEZE_EXCITE_KEY_MAPS,
)
from keras_attention.checkpoints.squeeze_excite import SQUEEZE_EXCITE_KEY_MAPS
from keras_attention.checkpoints.style_recalibration import (
    STYLE_RECALIBRATION_KEY_MAPS,
)
from keras_attention.checkpoints.triplet_attention import (
    TRIPLET_ATTENTION_KEY_MAPS,
)
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.fusion import SelectiveKernel
from keras_attention.fusion import SplitAttention
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import RecurrentAttention
from keras_attention.mixed import BAM
from keras_attention.mixed import CBAM
from keras_attention.mixed import CoordinateAttention
from keras_attention.mixed import MultiScaleChannelAttention
from keras_attention.mixed import PolarizedSelfAttention
from keras_attention.mixed import ShuffleAttention
from keras_attention.mixed import SpatialChannelSqueezeExcite
from keras_attention.mixed import TripletAttention
from keras_attention.self_attention import ChannelSelfAttention
from keras_attention.self_attention import CrissCrossAttention
from keras_attention.self_attention import DoubleAttention
from keras_attention.self_attention import ExternalAttention
from keras_attention.self_attention import MultiScaleDeformableAttention
from keras_attention.self_attention import NonLocal
from keras_attention.self_attention import PositionAttention
from keras_attention.spatial import AttentionGate
from keras_attention.spatial import ConvOffset2D
from keras_attention.spatial import DeformableConv2D
from keras_attention.spatial import DeformableConv2DV3
from keras_attention.spatial import DeformableConv2DV4
from keras_attention.spatial import LargeKernelAttention
from keras_attention.spatial import SpatialAttention
from keras_attention.spatial import SpatialGroupEnhance

# The key maps of a target, by layout.
KeyMaps = dict[str, KeyMap]

# Where key maps depend on the arguments of the target, there is a function.
KEY_MAPS: dict[type, KeyMaps | Callable[[Any], KeyMaps]] = {
    AttentionGate: attention_gate_key_maps,
    AttentionalFeatureFusion: FEATURE_FUSION_KEY_MAPS,
    BAM: BAM_KEY_MAPS,
    CBAM: CBAM_KEY_MAPS,
    ChannelAttention: CHANNEL_ATTENTION_KEY_MAPS,
    ChannelSelfAttention: CHANNEL_SELF_ATTENTION_KEY_MAPS,
    ConvOffset2D: CONV_OFFSET2D_KEY_MAPS,
    CoordinateAttention: COORDINATE_ATTENTION_KEY_MAPS,
    CrissCrossAttention: CRISS_CROSS_ATTENTION_KEY_MAPS,
    DeformableConv2D: DEFORMABLE_CONV2D_KEY_MAPS,
    DeformableConv2DV3: DEFORMABLE_CONV2D_V3_KEY_MAPS,
    DeformableConv2DV4: DEFORMABLE_CONV2D_V4_KEY_MAPS,
    DoubleAttention: DOUBLE_ATTENTION_KEY_MAPS,
    EffectiveSqueezeExcite: EFFECTIVE_SQUEEZE_EXCITE_KEY_MAPS,
    EfficientChannelAttention: EFFICIENT_CHANNEL_ATTENTION_KEY_MAPS,
    ExternalAttention: external_attention_key_maps,
    GatedChannelTransform: GATED_CHANNEL_TRANSFORM_KEY_MAPS,
    GatherExcite: gather_excite_key_maps,
    GlimpseNetwork: glimpse_network_key_maps,
    GlobalContext: GLOBAL_CONTEXT_KEY_MAPS,
    GlobalResponseNorm: GLOBAL_RESPONSE_NORM_KEY_MAPS,
    IterativeAttentionalFeatureFusion: iterative_feature_fusion_key_maps,
    LargeKernelAttention: LARGE_KERNEL_ATTENTION_KEY_MAPS,
    LinearContextTransform: LINEAR_CONTEXT_TRANSFORM_KEY_MAPS,
    MultiScaleChannelAttention: FEATURE_FUSION_KEY_MAPS,
    MultiScaleDeformableAttention: MULTI_SCALE_DEFORMABLE_ATTENTION_KEY_MAPS,
    NonLocal: non_local_key_maps,
    PolarizedSelfAttention: polarized_self_attention_key_maps,
    PositionAttention: POSITION_ATTENTION_KEY_MAPS,
    RecurrentAttention: recurrent_attention_key_maps,
    SelectiveKernel: selective_kernel_key_maps,
    ShuffleAttention: SHUFFLE_ATTENTION_KEY_MAPS,
    SpatialAttention: SPATIAL_ATTENTION_KEY_MAPS,
    SpatialChannelSqueezeExcite: SPATIAL_CHANNEL_SQUEEZE_EXCITE_KEY_MAPS,
    SpatialGroupEnhance: SPATIAL_GROUP_ENHANCE_KEY_MAPS,
    SplitAttention: SPLIT_ATTENTION_KEY_MAPS,
    SqueezeExcite: SQUEEZE_EXCITE_KEY_MAPS,
    StyleRecalibration: STYLE_RECALIBRATION_KEY_MAPS,
    TripletAttention: TRIPLET_ATTENTION_KEY_MAPS,
}


def key_maps_of(target: Any) -> KeyMaps:
    """Return the key maps of a target by layout, or raise an error."""
    cls = next((cls for cls in KEY_MAPS if isinstance(target, cls)), None)
    if cls is None:
        return _key_maps_of_network(target)
    if not target.built:
        raise ValueError(
            "`target` must be built, so that it has weights: call it, or its "
            f"`build`. Received: target={target!r}"
        )
    key_maps = KEY_MAPS[cls]
    return key_maps(target) if callable(key_maps) else key_maps


def _key_maps_of_network(target: Any) -> KeyMaps:
    """Return the key maps of a network, or raise an error."""
    key_maps = (
        network_key_maps(target, key_maps_of)
        if isinstance(target, keras.Model)
        else {}
    )
    if not key_maps:
        names = ", ".join(cls.__name__ for cls in KEY_MAPS)
        raise ValueError(
            "`target` must be a network of `keras_attention.models` with a "
            f"known layout, or a layer of one of these classes: {names}. "
            f"Received: target={target!r}"
        )
    return key_maps

"""Which layouts there are for which target."""

from collections.abc import Callable
from typing import Any

import keras

from keras_attention.channel import ChannelAttention
from keras_attention.channel import GatedChannelTransform
from keras_attention.channel import MultiScaleChannelAttention
from keras_attention.channel import SqueezeExcite
from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints.cbam import CBAM_LAYOUTS
from keras_attention.checkpoints.cbam import CHANNEL_ATTENTION_LAYOUTS
from keras_attention.checkpoints.cbam import SPATIAL_ATTENTION_LAYOUTS
from keras_attention.checkpoints.deformable import CONV_OFFSET2D_LAYOUTS
from keras_attention.checkpoints.deformable import DEFORMABLE_CONV2D_LAYOUTS
from keras_attention.checkpoints.feature_fusion import FEATURE_FUSION_LAYOUTS
from keras_attention.checkpoints.feature_fusion import (
    iterative_feature_fusion_layouts,
)
from keras_attention.checkpoints.gated_channel_transform import (
    GATED_CHANNEL_TRANSFORM_LAYOUTS,
)
from keras_attention.checkpoints.networks import network_layouts
from keras_attention.checkpoints.recurrent_attention import (
    glimpse_network_layouts,
)
from keras_attention.checkpoints.recurrent_attention import (
    recurrent_attention_layouts,
)
from keras_attention.checkpoints.selective_kernel import (
    selective_kernel_layouts,
)
from keras_attention.checkpoints.spatial_group_enhance import (
    SPATIAL_GROUP_ENHANCE_LAYOUTS,
)
from keras_attention.checkpoints.squeeze_excite import SQUEEZE_EXCITE_LAYOUTS
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.fusion import SelectiveKernel
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import RecurrentAttention
from keras_attention.mixed import CBAM
from keras_attention.spatial import ConvOffset2D
from keras_attention.spatial import DeformableConv2D
from keras_attention.spatial import SpatialAttention
from keras_attention.spatial import SpatialGroupEnhance

Layouts = dict[str, Layout]

# Or a function from the target to them, where they depend on its arguments.
_LAYOUTS: dict[type, Layouts | Callable[[Any], Layouts]] = {
    AttentionalFeatureFusion: FEATURE_FUSION_LAYOUTS,
    CBAM: CBAM_LAYOUTS,
    ChannelAttention: CHANNEL_ATTENTION_LAYOUTS,
    ConvOffset2D: CONV_OFFSET2D_LAYOUTS,
    DeformableConv2D: DEFORMABLE_CONV2D_LAYOUTS,
    GatedChannelTransform: GATED_CHANNEL_TRANSFORM_LAYOUTS,
    GlimpseNetwork: glimpse_network_layouts,
    IterativeAttentionalFeatureFusion: iterative_feature_fusion_layouts,
    MultiScaleChannelAttention: FEATURE_FUSION_LAYOUTS,
    RecurrentAttention: recurrent_attention_layouts,
    SelectiveKernel: selective_kernel_layouts,
    SpatialAttention: SPATIAL_ATTENTION_LAYOUTS,
    SpatialGroupEnhance: SPATIAL_GROUP_ENHANCE_LAYOUTS,
    SqueezeExcite: SQUEEZE_EXCITE_LAYOUTS,
}


def layouts_of(target: Any) -> Layouts:
    """Return the layouts for a target, which must be fit to be loaded into."""
    cls = next((cls for cls in _LAYOUTS if isinstance(target, cls)), None)
    if cls is None:
        return _layouts_of_network(target)
    if not target.built:
        raise ValueError(
            "`target` must be built, so that it has weights: call it, or its "
            f"`build`. Received: target={target!r}"
        )
    layouts = _LAYOUTS[cls]
    return layouts(target) if callable(layouts) else layouts


def _layouts_of_network(target: Any) -> Layouts:
    """Return the layouts for what must then be a whole network."""
    layouts = (
        network_layouts(target, layouts_of)
        if isinstance(target, keras.Model)
        else {}
    )
    if not layouts:
        names = ", ".join(cls.__name__ for cls in _LAYOUTS)
        raise ValueError(
            "`target` must be a network of `keras_attention.models` with a "
            f"known layout, or a layer of one of these classes: {names}. "
            f"Received: target={target!r}"
        )
    return layouts

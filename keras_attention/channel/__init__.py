"""Channel attention."""

from keras_attention.channel.channel_attention import ChannelAttention
from keras_attention.channel.effective_squeeze_excite import (
    EffectiveSqueezeExcite,
)
from keras_attention.channel.efficient_channel_attention import (
    EfficientChannelAttention,
)
from keras_attention.channel.gated_channel_transform import (
    GatedChannelTransform,
)
from keras_attention.channel.gather_excite import GatherExcite
from keras_attention.channel.gaussian_context import GaussianContext
from keras_attention.channel.global_context import GlobalContext
from keras_attention.channel.global_response_norm import GlobalResponseNorm
from keras_attention.channel.linear_context_transform import (
    LinearContextTransform,
)
from keras_attention.channel.squeeze_excite import SqueezeExcite
from keras_attention.channel.style_recalibration import StyleRecalibration

__all__ = [
    "ChannelAttention",
    "EffectiveSqueezeExcite",
    "EfficientChannelAttention",
    "GatedChannelTransform",
    "GatherExcite",
    "GaussianContext",
    "GlobalContext",
    "GlobalResponseNorm",
    "LinearContextTransform",
    "SqueezeExcite",
    "StyleRecalibration",
]

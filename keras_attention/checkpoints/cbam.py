"""The names of published CBAM weights, and of either half alone."""

from keras_attention.checkpoints._kinds import CONVOLUTION
from keras_attention.checkpoints._kinds import MIRRORED_CONVOLUTION
from keras_attention.checkpoints._kinds import POINTWISE
from keras_attention.checkpoints._kinds import TENSORFLOW_CONVOLUTION
from keras_attention.checkpoints._kinds import TENSORFLOW_DENSE
from keras_attention.checkpoints._kinds import VECTOR
from keras_attention.checkpoints._parts import batch_norm
from keras_attention.checkpoints._parts import linear
from keras_attention.checkpoints._parts import within

_OFFICIAL = "official"
_TIMM = "timm"
_TENSORFLOW = "tensorflow"

CHANNEL_ATTENTION_LAYOUTS = {
    _OFFICIAL: linear("mlp.1", "squeeze") | linear("mlp.3", "excite"),
    _TIMM: (
        linear("fc1", "squeeze", POINTWISE) | linear("fc2", "excite", POINTWISE)
    ),
    _TENSORFLOW: {
        "mlp_1/kernel": ("squeeze.kernel", TENSORFLOW_DENSE),
        "mlp_1/bias": ("squeeze.bias", VECTOR),
        "mlp_2/kernel": ("excite.kernel", TENSORFLOW_DENSE),
        "mlp_2/bias": ("excite.bias", VECTOR),
    },
}

SPATIAL_ATTENTION_LAYOUTS = {
    _OFFICIAL: {
        "spatial.conv.weight": ("conv.kernel", CONVOLUTION),
        **batch_norm("spatial.bn", "norm"),
    },
    # timm convolves the mean and the maximum, all others the reverse.
    _TIMM: {
        "conv.conv.weight": ("conv.kernel", MIRRORED_CONVOLUTION),
        **batch_norm("conv.bn", "norm"),
    },
    _TENSORFLOW: {
        "conv2d/kernel": ("conv.kernel", TENSORFLOW_CONVOLUTION),
        "conv2d/bias": ("conv.bias", VECTOR),
    },
}

CBAM_LAYOUTS = {
    layout: (
        within(channel, "channel", CHANNEL_ATTENTION_LAYOUTS[layout])
        | within(spatial, "spatial", SPATIAL_ATTENTION_LAYOUTS[layout])
    )
    for layout, channel, spatial in (
        (_OFFICIAL, "ChannelGate.", "SpatialGate."),
        (_TIMM, "channel.", "spatial."),
        (_TENSORFLOW, "", ""),
    )
}

"""Key maps of CBAM, and of its channel and spatial attention alone."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import REVERSED_INPUT_CONVOLUTION
from keras_attention.checkpoints._axis_order import TENSORFLOW_CONVOLUTION
from keras_attention.checkpoints._axis_order import TENSORFLOW_DENSE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import nested

_OFFICIAL = "official"
_TIMM = "timm"
_TENSORFLOW = "tensorflow"

CHANNEL_ATTENTION_KEY_MAPS = {
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

SPATIAL_ATTENTION_KEY_MAPS = {
    _OFFICIAL: {
        "spatial.conv.weight": ("conv.kernel", CONVOLUTION),
        **batch_norm("spatial.bn", "norm"),
    },
    # The input channels are mean and maximum in timm, maximum and mean here.
    _TIMM: {
        "conv.conv.weight": ("conv.kernel", REVERSED_INPUT_CONVOLUTION),
        **batch_norm("conv.bn", "norm"),
    },
    _TENSORFLOW: {
        "conv2d/kernel": ("conv.kernel", TENSORFLOW_CONVOLUTION),
        "conv2d/bias": ("conv.bias", VECTOR),
    },
}

CBAM_KEY_MAPS = {
    layout: (
        nested(channel, "channel", CHANNEL_ATTENTION_KEY_MAPS[layout])
        | nested(spatial, "spatial", SPATIAL_ATTENTION_KEY_MAPS[layout])
    )
    for layout, channel, spatial in (
        (_OFFICIAL, "ChannelGate.", "SpatialGate."),
        (_TIMM, "channel.", "spatial."),
        (_TENSORFLOW, "", ""),
    )
}

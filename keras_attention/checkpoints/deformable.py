"""The names of published weights of deformable convolutions and offsets."""

from keras_attention.checkpoints._kinds import CONVOLUTION
from keras_attention.checkpoints._kinds import VECTOR

_CONVOLUTION = {
    "weight": ("kernel", CONVOLUTION),
    "bias": ("bias", VECTOR),
}

DEFORMABLE_CONV2D_LAYOUTS = {
    "the authors' MXNet networks": {
        **_CONVOLUTION,
        "offset_weight": ("offset_kernel", CONVOLUTION),
        "offset_bias": ("offset_bias", VECTOR),
    },
    "MMCV": {
        **_CONVOLUTION,
        "conv_offset.weight": ("offset_kernel", CONVOLUTION),
        "conv_offset.bias": ("offset_bias", VECTOR),
    },
}

CONV_OFFSET2D_LAYOUTS = {
    "pytorch-deform-conv": {"weight": ("offset.kernel", CONVOLUTION)},
}

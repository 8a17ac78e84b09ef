"""Key maps of deformable convolutions and of offset resampling."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import VECTOR

DEFORMABLE_CONV2D_KEY_MAPS = {
    "official": {
        "weight": ("kernel", CONVOLUTION),
        "bias": ("bias", VECTOR),
        "offset_weight": ("offset_kernel", CONVOLUTION),
        "offset_bias": ("offset_bias", VECTOR),
    },
}

CONV_OFFSET2D_KEY_MAPS = {
    "pytorch-deform-conv": {"weight": ("offset.kernel", CONVOLUTION)},
}

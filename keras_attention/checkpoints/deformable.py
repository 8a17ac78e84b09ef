"""The names of published weights of deformable convolutions and offsets."""

from keras_attention.checkpoints._kinds import CONVOLUTION
from keras_attention.checkpoints._kinds import VECTOR

DEFORMABLE_CONV2D_LAYOUTS = {
    "official": {
        "weight": ("kernel", CONVOLUTION),
        "bias": ("bias", VECTOR),
        "offset_weight": ("offset_kernel", CONVOLUTION),
        "offset_bias": ("offset_bias", VECTOR),
    },
}

CONV_OFFSET2D_LAYOUTS = {
    "pytorch-deform-conv": {"weight": ("offset.kernel", CONVOLUTION)},
}

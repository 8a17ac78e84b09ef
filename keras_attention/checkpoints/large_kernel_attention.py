"""Key maps of large kernel attention."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import linear

# The biases are expected where the target has them.
LARGE_KERNEL_ATTENTION_KEY_MAPS = {
    layout: (
        linear(local, "local", CONVOLUTION)
        | linear(dilated, "dilated", CONVOLUTION)
        | linear("conv1", "pointwise", POINTWISE)
    )
    for layout, local, dilated in (
        ("official", "conv0", "conv_spatial"),
        ("mmpretrain", "DW_conv", "DW_D_conv"),
    )
}

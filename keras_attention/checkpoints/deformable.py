"""Key maps of deformable convolutions and of offset resampling."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import PartialKeyMap


def _convolution(prefix: str, path: str = "") -> KeyMap:
    """Return the key map of a PyTorch convolution.

    Args:
        prefix: The start of the published names.
        path: The start of the names of the weights in the target.
    """
    return {
        f"{prefix}weight": (f"{path}kernel", CONVOLUTION),
        f"{prefix}bias": (f"{path}bias", VECTOR),
    }


# In all of them, the offsets come first, (y, x) for each group and tap, and
# then the mask.
DEFORMABLE_CONV2D_KEY_MAPS: dict[str, KeyMap] = {
    "official": {
        "weight": ("kernel", CONVOLUTION),
        "bias": ("bias", VECTOR),
        "offset_weight": ("offset_kernel", CONVOLUTION),
        "offset_bias": ("offset_bias", VECTOR),
    },
    "torchvision": PartialKeyMap(
        _convolution(""), kept=("offset_kernel", "offset_bias")
    ),
    "mmcv": _convolution("") | _convolution("conv_offset.", "offset_"),
    "detectron2": (
        _convolution("conv2.") | _convolution("conv2_offset.", "offset_")
    ),
    "DCNv2": _convolution("") | _convolution("conv_offset_mask.", "offset_"),
    "aliked": (
        _convolution("regular_conv.") | _convolution("offset_conv.", "offset_")
    ),
}

CONV_OFFSET2D_KEY_MAPS = {
    "pytorch-deform-conv": {"weight": ("offset.kernel", CONVOLUTION)},
}

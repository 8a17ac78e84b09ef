"""Key maps of deformable convolutions v3 and v4."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import LINEAR
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear


def _precise(name: str, path: str, separator: str = ".") -> KeyMap:
    """Return the key map of a dense layer that stays in float32."""
    return {
        f"{name}{separator}weight": (f"{path}_kernel", LINEAR),
        f"{name}{separator}bias": (f"{path}_bias", VECTOR),
    }


# Entries are used only if the target has the weights: those of the scale of the
# center, and in v4 all but `offset_mask`.
_CENTER_SCALE = _precise("center_feature_scale_proj", "center_scale", "_")
DEFORMABLE_CONV2D_V3_KEY_MAPS = {
    "official": (
        linear("dw_conv.0", "depthwise", CONVOLUTION)
        | {
            "dw_conv.1.1.weight": ("norm_gamma", VECTOR),
            "dw_conv.1.1.bias": ("norm_beta", VECTOR),
        }
        | _precise("offset", "offset")
        | _precise("mask", "mask")
        | linear("input_proj", "value")
        | linear("output_proj", "project")
        | _CENTER_SCALE
    ),
}
DEFORMABLE_CONV2D_V4_KEY_MAPS = {
    "official": (
        linear("offset_mask_dw", "depthwise", CONVOLUTION)
        | _precise("offset_mask", "offset_mask")
        | linear("value_proj", "value")
        | linear("output_proj", "project")
        | _CENTER_SCALE
    ),
}

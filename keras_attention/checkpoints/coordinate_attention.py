"""Key maps of coordinate attention."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear


def _key_map(rows: str, columns: str) -> KeyMap:
    """Return the key map for two names of the last convolutions."""
    return (
        linear("conv1", "reduce", POINTWISE)
        | batch_norm("bn1", "norm")
        | linear(rows, "expand_rows", POINTWISE)
        | linear(columns, "expand_columns", POINTWISE)
    )


# The biases are expected where the target has them: it has none of timm's.
COORDINATE_ATTENTION_KEY_MAPS = {
    "official": _key_map("conv_h", "conv_w"),
    # The file of the authors' MobileNetV2.
    "mbv2_ca": _key_map("conv2", "conv3"),
    "timm": _key_map("conv_h", "conv_w"),
}

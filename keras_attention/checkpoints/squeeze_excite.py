"""Key maps of squeeze-and-excitation, of channels alone and with positions."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import nested

# The biases are expected where the target has them.
SQUEEZE_EXCITE_KEY_MAPS = {
    "senet.pytorch": (linear("fc.0", "squeeze") | linear("fc.2", "excite")),
    "timm": (
        linear("fc1", "squeeze", POINTWISE) | linear("fc2", "excite", POINTWISE)
    ),
    "caffe": (
        linear("1x1_down", "squeeze", POINTWISE)
        | linear("1x1_up", "excite", POINTWISE)
    ),
    "paddleocr": {
        "1_weights": ("squeeze.kernel", POINTWISE),
        "1_offset": ("squeeze.bias", VECTOR),
        "2_weights": ("excite.kernel", POINTWISE),
        "2_offset": ("excite.bias", VECTOR),
    },
    # Paddle numbers all convolutions of a network, and its converter to ONNX
    # gives other names to the biases: these names are those of a list of
    # prefixes.
    "paddle": {
        "array_0": ("squeeze.kernel", POINTWISE),
        "array_1": ("squeeze.bias", VECTOR),
        "array_2": ("excite.kernel", POINTWISE),
        "array_3": ("excite.bias", VECTOR),
    },
}

SPATIAL_CHANNEL_SQUEEZE_EXCITE_KEY_MAPS = {
    "official": (
        nested(
            "cSE.",
            "channel",
            linear("fc1", "squeeze") | linear("fc2", "excite"),
        )
        | linear("sSE.conv", "spatial", POINTWISE)
    ),
    "segmentation_models.pytorch": (
        nested(
            "cSE.",
            "channel",
            linear("1", "squeeze", POINTWISE)
            | linear("3", "excite", POINTWISE),
        )
        | linear("sSE.0", "spatial", POINTWISE)
    ),
}

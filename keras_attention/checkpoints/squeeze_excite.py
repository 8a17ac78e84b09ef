"""Key maps of squeeze-and-excitation."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import linear

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
}

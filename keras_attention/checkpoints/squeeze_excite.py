"""The names of published squeeze-and-excitation weights."""

from keras_attention.checkpoints._kinds import POINTWISE
from keras_attention.checkpoints._parts import linear

# A reference with and one without biases share a layout.
SQUEEZE_EXCITE_LAYOUTS = {
    "senet.pytorch": (linear("fc.0", "squeeze") | linear("fc.2", "excite")),
    "timm": (
        linear("fc1", "squeeze", POINTWISE) | linear("fc2", "excite", POINTWISE)
    ),
    "caffe": (
        linear("1x1_down", "squeeze", POINTWISE)
        | linear("1x1_up", "excite", POINTWISE)
    ),
}

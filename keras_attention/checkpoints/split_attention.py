"""Key maps of split attention."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear

# The names are those of the authors and of timm.
SPLIT_ATTENTION_KEY_MAPS = {
    "official": {
        "conv.weight": ("splits.conv.kernel", CONVOLUTION),
        **batch_norm("bn0", "splits.norm"),
        **linear("fc1", "squeeze", POINTWISE),
        **batch_norm("bn1", "squeeze_norm"),
        **linear("fc2", "select", POINTWISE),
    },
}

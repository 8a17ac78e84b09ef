"""Key maps of style-based recalibration."""

from keras_attention.checkpoints._axis_order import MATRIX
from keras_attention.checkpoints._key_map import batch_norm

STYLE_RECALIBRATION_KEY_MAPS = {
    "official": {"cfc": ("kernel", MATRIX), **batch_norm("bn", "norm")},
}

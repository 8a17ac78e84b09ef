"""Key maps of the linear context transform."""

from keras_attention.checkpoints._axis_order import VECTOR

LINEAR_CONTEXT_TRANSFORM_KEY_MAPS = {
    "pytorch-attention": {"w": ("gamma", VECTOR), "b": ("beta", VECTOR)},
}

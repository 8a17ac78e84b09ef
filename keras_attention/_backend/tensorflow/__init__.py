"""TensorFlow."""

from keras_attention._backend.plain.vectors import affine
from keras_attention._backend.tensorflow.autodiff import gradient
from keras_attention._backend.tensorflow.groups import dots
from keras_attention._backend.tensorflow.groups import scale
from keras_attention._backend.tensorflow.reductions import largest
from keras_attention._backend.tensorflow.reductions import mean
from keras_attention._backend.tensorflow.reductions import total
from keras_attention._backend.tensorflow.sampling import grid_sample
from keras_attention._backend.tensorflow.sampling import take_rows
from keras_attention._backend.tensorflow.windows import window_sums

__all__ = [
    "affine",
    "dots",
    "gradient",
    "grid_sample",
    "largest",
    "mean",
    "scale",
    "take_rows",
    "total",
    "window_sums",
]

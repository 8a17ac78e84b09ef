"""TensorFlow."""

from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.tensorflow.autodiff import gradient
from keras_attention._backend.tensorflow.sampling import grid_sample
from keras_attention._backend.tensorflow.sampling import take_rows

__all__ = [
    "gradient",
    "grid_sample",
    "largest",
    "take_rows",
]

"""The forms in `keras.ops`, for any backend."""

from keras_attention._backend.plain.autodiff import gradient
from keras_attention._backend.plain.reductions import dots
from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.plain.reductions import mean
from keras_attention._backend.plain.reductions import scale
from keras_attention._backend.plain.reductions import total
from keras_attention._backend.plain.sampling import grid_sample
from keras_attention._backend.plain.sampling import take_rows
from keras_attention._backend.plain.vectors import affine
from keras_attention._backend.plain.windows import window_sums

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

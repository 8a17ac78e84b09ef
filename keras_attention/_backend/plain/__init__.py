"""The forms in `keras.ops`, for any backend."""

from keras_attention._backend.plain.autodiff import gradient
from keras_attention._backend.plain.deform import deform
from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.plain.sampling import grid_sample
from keras_attention._backend.plain.sampling import take_along
from keras_attention._backend.plain.sampling import take_rows
from keras_attention._backend.plain.sampling import weighted_rows

__all__ = [
    "deform",
    "gradient",
    "grid_sample",
    "largest",
    "take_along",
    "take_rows",
    "weighted_rows",
]

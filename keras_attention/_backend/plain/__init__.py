"""The forms in `keras.ops`, for any backend."""

from keras_attention._backend.plain.autodiff import gradient
from keras_attention._backend.plain.elementwise import blend
from keras_attention._backend.plain.elementwise import rectify
from keras_attention._backend.plain.norm import batch_norm
from keras_attention._backend.plain.norm import normalize
from keras_attention._backend.plain.products import conv2d
from keras_attention._backend.plain.products import pointwise
from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.plain.resizing import halve
from keras_attention._backend.plain.resizing import resize_bilinear
from keras_attention._backend.plain.sampling import grid_sample
from keras_attention._backend.plain.sampling import take_rows

__all__ = [
    "batch_norm",
    "blend",
    "conv2d",
    "gradient",
    "grid_sample",
    "halve",
    "largest",
    "normalize",
    "pointwise",
    "rectify",
    "resize_bilinear",
    "take_rows",
]

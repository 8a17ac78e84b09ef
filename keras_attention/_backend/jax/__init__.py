"""JAX."""

from keras_attention._backend.jax.autodiff import gradient
from keras_attention._backend.jax.groups import dots
from keras_attention._backend.jax.groups import scale
from keras_attention._backend.jax.reductions import largest
from keras_attention._backend.jax.sampling import grid_sample
from keras_attention._backend.jax.sampling import take_rows
from keras_attention._backend.jax.windows import window_sums
from keras_attention._backend.plain.reductions import mean
from keras_attention._backend.plain.reductions import total
from keras_attention._backend.plain.vectors import affine

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

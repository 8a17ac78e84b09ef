"""JAX."""

from keras_attention._backend.jax.autodiff import gradient
from keras_attention._backend.jax.deform import deform
from keras_attention._backend.jax.reductions import largest
from keras_attention._backend.jax.sampling import grid_sample
from keras_attention._backend.jax.sampling import take_along
from keras_attention._backend.jax.sampling import take_rows
from keras_attention._backend.jax.sampling import weighted_rows

__all__ = [
    "deform",
    "gradient",
    "grid_sample",
    "largest",
    "take_along",
    "take_rows",
    "weighted_rows",
]

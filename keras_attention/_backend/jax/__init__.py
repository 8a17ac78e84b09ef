"""JAX."""

from keras_attention._backend.jax.autodiff import gradient
from keras_attention._backend.jax.reductions import largest
from keras_attention._backend.jax.sampling import grid_sample
from keras_attention._backend.jax.sampling import take_rows

__all__ = [
    "gradient",
    "grid_sample",
    "largest",
    "take_rows",
]

"""JAX."""

from keras_attention._backend.jax.autodiff import gradient
from keras_attention._backend.jax.products import conv2d
from keras_attention._backend.jax.reductions import largest
from keras_attention._backend.jax.sampling import grid_sample
from keras_attention._backend.jax.sampling import take_rows
from keras_attention._backend.plain.blending import blend
from keras_attention._backend.plain.norm import batch_norm
from keras_attention._backend.plain.norm import normalize
from keras_attention._backend.plain.products import pointwise

__all__ = [
    "batch_norm",
    "blend",
    "conv2d",
    "gradient",
    "grid_sample",
    "largest",
    "normalize",
    "pointwise",
    "take_rows",
]

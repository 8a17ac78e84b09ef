"""JAX."""

from keras_attention._backend.jax.autodiff import gradient
from keras_attention._backend.jax.deform import deform
from keras_attention._backend.jax.groups import dots
from keras_attention._backend.jax.groups import scale
from keras_attention._backend.jax.norm import batch_norm
from keras_attention._backend.jax.products import conv2d
from keras_attention._backend.jax.reductions import largest
from keras_attention._backend.jax.sampling import grid_sample
from keras_attention._backend.jax.sampling import take_along
from keras_attention._backend.jax.sampling import take_rows
from keras_attention._backend.jax.sampling import weighted_rows
from keras_attention._backend.jax.windows import window_sums
from keras_attention._backend.plain.elementwise import blend
from keras_attention._backend.plain.elementwise import rectify
from keras_attention._backend.plain.elementwise import step
from keras_attention._backend.plain.norm import normalize
from keras_attention._backend.plain.products import pointwise
from keras_attention._backend.plain.reductions import mean
from keras_attention._backend.plain.reductions import total
from keras_attention._backend.plain.resizing import halve
from keras_attention._backend.plain.resizing import resize_bilinear
from keras_attention._backend.plain.resizing import tile_means
from keras_attention._backend.plain.shapes import cast
from keras_attention._backend.plain.shapes import expand_dims
from keras_attention._backend.plain.shapes import reshape
from keras_attention._backend.plain.vectors import affine

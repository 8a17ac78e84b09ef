"""JAX: indexing by sample, row and column, which XLA makes a row gather."""

import functools

import jax
import jax.numpy as jnp

from keras_attention._backend import plain


def gradient(function, x):
    """Return the gradient at `x` of a function to numbers."""
    return jax.grad(function)(x)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def largest(x, axes, keepdims=False):
    """Return the maximum over `axes`; equal ones share the gradient.

    JAX's own divides by the number of values that equal the maximum. XLA may
    compute the values anew for the comparison, with other roundings than for
    the maximum, and find none: 0 / 0.
    """
    return jnp.max(x, axis=axes, keepdims=keepdims)


@largest.defjvp
def _largest_jvp(axes, keepdims, primals, tangents):
    (x,), (slope,) = primals, tangents
    maximum = jnp.max(x, axis=axes, keepdims=True)
    is_largest = (x == maximum).astype(x.dtype)
    share = 1 / jnp.maximum(jnp.sum(is_largest, axis=axes, keepdims=True), 1)
    if not keepdims:
        maximum = jnp.squeeze(maximum, axes)
    slope = jnp.sum(slope * is_largest * share, axis=axes, keepdims=keepdims)
    return maximum, slope


def take_rows(maps, rows, columns):
    """Return the channels at `rows` and `columns`, both of rank 3."""
    sample = jnp.arange(maps.shape[0])[:, None, None]
    return maps[sample, rows, columns]


grid_sample = functools.partial(plain.grid_sample, gather=take_rows)

"""Reductions with slopes of their own."""

import functools

import jax
import jax.numpy as jnp


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

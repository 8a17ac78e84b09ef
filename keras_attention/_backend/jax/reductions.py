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
    count = jnp.sum(is_largest, axis=axes, keepdims=keepdims)
    if not keepdims:
        maximum = jnp.squeeze(maximum, axes)
    # Divided last, where there are fewest numbers.
    slope = jnp.sum(slope * is_largest, axis=axes, keepdims=keepdims)
    return maximum, slope / jnp.maximum(count, 1)

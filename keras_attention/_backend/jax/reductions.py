"""Reductions with slopes of their own."""

import functools

import jax
import jax.numpy as jnp
from jax import lax


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
    (x,), (tangent,) = primals, tangents
    # Where the maxima are has no derivative, and `jnp.max` one of its own.
    constant = lax.stop_gradient(x)
    maximum = jnp.max(constant, axis=axes, keepdims=True)
    # There may be more of them than float16 can count.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    is_largest = (constant == maximum).astype(wide)
    count = jnp.sum(is_largest, axis=axes, keepdims=keepdims)
    # Divided last, where there are fewest numbers.
    tangent = jnp.sum(tangent * is_largest, axis=axes, keepdims=keepdims)
    tangent = (tangent / jnp.maximum(count, 1)).astype(x.dtype)
    return largest(x, axes, keepdims), tangent

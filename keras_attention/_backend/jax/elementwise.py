"""Values of maps, one by one, in sums that the compiler fuses."""

import jax
import jax.numpy as jnp

from keras_attention import _numerics


def step(x, target, share):
    """Return `x + share * (target - x)`, and `x` itself where `share` is 0.

    There `target` and `x` may be infinite or NaN, which has no effect on the
    other gradients of `share`, and zeros keep their sign: what is subtracted
    is never -0. Eager backends would need one more pass over the map for it.
    """
    x32, target, share = map(_numerics.accumulable, (x, target, share))
    difference = x32 - target
    kept = jnp.logical_or(share != 0, jnp.isfinite(difference))
    difference = jnp.where(kept, difference, 0)
    # A zero that the compiler does not know, or else it would not add it.
    zero = jax.lax.stop_gradient(share - share)
    return (x32 - (zero + share * difference)).astype(x.dtype)

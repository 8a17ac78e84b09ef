"""Products of groups of few channels, whose sums are sums of slices."""

import jax
import jax.numpy as jnp

from keras_attention._backend.plain import reductions

# More numbers than these are summed quickly as they are.
_FEW = 32


def dots(x, y, axis):
    """Return the sum of `x * y` over `axis`, which stays."""
    if _are_few(x, (axis,)):
        return _compiled_dots(x, y)
    return reductions.dots(x, y, axis)


def scale(x, gate, axes):
    """Return `x` times a gate of size 1 along `axes`."""
    if _are_few(x, axes):
        return _compiled_scale(x, gate)
    return reductions.scale(x, gate, axes)


def _are_few(x, axes):
    return axes == (x.ndim - 1,) and x.shape[-1] <= _FEW


def _of_slices(x, y):
    """Return the sum of `x * y` over the last axis, from wide sums."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    members = range(x.shape[-1])
    products = (
        x[..., i : i + 1].astype(wide) * y[..., i : i + 1] for i in members
    )
    return sum(products).astype(x.dtype)


@jax.custom_jvp
def _dots(x, y):
    return _of_slices(x, y)


@_dots.defjvp
def _dots_jvp(primals, tangents):
    """Return the sums and their tangent, whose transpose is fast.

    The transpose of a sum of slices would be as many padded arrays.
    """
    (x, y), (of_x, of_y) = primals, tangents
    tangent = jnp.sum(of_x * y + x * of_y, -1, keepdims=True)
    return _dots(x, y), tangent


@jax.custom_jvp
def _scale(x, gate):
    return x * gate


@_scale.defjvp
def _scale_jvp(primals, tangents):
    """Return the product and its tangent, whose transpose is fast.

    The transpose of repeating a gate is a sum of slices, that of broadcasting
    it is not.
    """
    (x, gate), (of_x, of_gate) = primals, tangents
    wide = jnp.promote_types(x.dtype, jnp.float32)
    repeated = [of_gate.astype(wide)] * x.shape[-1]
    of_gate = x.astype(wide) * jnp.concatenate(repeated, axis=-1)
    return _scale(x, gate), of_x * gate + of_gate.astype(x.dtype)


# Called eagerly, each slice would be an operation that is compiled by itself.
_compiled_dots = jax.jit(_dots, inline=True)
_compiled_scale = jax.jit(_scale, inline=True)

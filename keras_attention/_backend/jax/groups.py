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


@jax.custom_vjp
def _dots(x, y):
    return _of_slices(x, y)


def _slopes_of_dots(rest, slopes):
    x, y = rest
    axes = tuple(axis for axis in range(y.ndim) if y.shape[axis] == 1)
    return slopes * y, jnp.sum(slopes * x, axes, keepdims=True)


_dots.defvjp(lambda x, y: (_dots(x, y), (x, y)), _slopes_of_dots)


@jax.custom_vjp
def _scale(x, gate):
    return x * gate


def _slopes_of_scale(rest, slopes):
    x, gate = rest
    return slopes * gate, _of_slices(slopes, x)


_scale.defvjp(lambda x, gate: (_scale(x, gate), (x, gate)), _slopes_of_scale)

# Called eagerly, each slice would be an operation that is compiled by itself.
_compiled_dots = jax.jit(_dots, inline=True)
_compiled_scale = jax.jit(_scale, inline=True)

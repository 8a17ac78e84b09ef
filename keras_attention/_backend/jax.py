"""Native forms for JAX, by what XLA compiles to fast loops."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from keras_attention._backend.jax_compilation import compiled

# Sums of more numbers than these are fast as they are.
_FEW_CHANNELS = 32


def gradient(definition, function, x):
    """Gradient of a scalar function at `x`."""
    return jax.grad(function)(x)


# Reductions


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _amax(x, axes, keepdims):
    return jnp.max(x, axis=axes, keepdims=keepdims)


def amax(definition, x, axes, keepdims=False):
    """Maximum over `axes`, of which equal ones share the gradient.

    JAX's own divides by the number of values that equal the maximum. XLA may
    compute the values anew for the comparison, with other roundings than for
    the maximum, and find none: 0 / 0.
    """
    return _amax(x, axes, keepdims)


@_amax.defjvp
def _amax_jvp(axes, keepdims, primals, tangents):
    (x,), (tangent,) = primals, tangents
    # The locations of the maxima are constants for the derivative. Without
    # `stop_gradient`, JAX would differentiate `jnp.max` too.
    constant = lax.stop_gradient(x)
    maximum = jnp.max(constant, axis=axes, keepdims=True)
    # There may be more maxima than float16 can count.
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    is_maximum = (constant == maximum).astype(dtype)
    count = jnp.sum(is_maximum, axis=axes, keepdims=keepdims)
    # The division comes last, because the sum has fewer numbers than the map.
    tangent = jnp.sum(tangent * is_maximum, axis=axes, keepdims=keepdims)
    tangent = (tangent / jnp.maximum(count, 1)).astype(x.dtype)
    return _amax(x, axes, keepdims), tangent


def group_dot(definition, x, y, axis):
    """Sum of `x * y` over `axis`, which is kept with size 1; `y` broadcasts.

    XLA on CPUs has no fast loop for a sum over a few numbers that are
    neighbors in memory. Their slices added up, and gradients computed the same
    way, make a training step of groups of 8 a third as long.
    """
    if _are_few_channels(x, (axis,)):
        return compiled(_dot_of_slices)(x, y)
    return definition(x, y, axis)


def scale(definition, x, gate, axes):
    """Product of a map and a gate, with the gradients of `group_dot`."""
    if _are_few_channels(x, axes):
        return compiled(_scale_by_slices)(x, gate)
    return definition(x, gate, axes)


def _are_few_channels(x, axes):
    return axes == (x.ndim - 1,) and x.shape[-1] <= _FEW_CHANNELS


@jax.custom_jvp
def _dot_of_slices(x, y):
    """Sum of `x * y` over the last axis, in float32 at least."""
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    products = (
        x[..., i : i + 1].astype(dtype) * y[..., i : i + 1]
        for i in range(x.shape[-1])
    )
    return sum(products).astype(x.dtype)


@_dot_of_slices.defjvp
def _dot_of_slices_jvp(primals, tangents):
    """Tangent of the sum, whose transpose is fast.

    The transpose of a sum of slices would be as many padded arrays.
    """
    (x, y), (x_tangent, y_tangent) = primals, tangents
    tangent = jnp.sum(x_tangent * y + x * y_tangent, -1, keepdims=True)
    return _dot_of_slices(x, y), tangent


@jax.custom_jvp
def _scale_by_slices(x, gate):
    return x * gate


@_scale_by_slices.defjvp
def _scale_by_slices_jvp(primals, tangents):
    """Tangent of the product, whose transpose is fast.

    The transpose of repeating a gate is a sum of slices, that of broadcasting
    it is not.
    """
    (x, gate), (x_tangent, gate_tangent) = primals, tangents
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    repeated = [gate_tangent.astype(dtype)] * x.shape[-1]
    by_gate = x.astype(dtype) * jnp.concatenate(repeated, axis=-1)
    tangent = x_tangent * gate + by_gate.astype(x.dtype)
    return _scale_by_slices(x, gate), tangent


# Normalization


def batch_norm(definition, x, gamma, beta, *, axis, epsilon):
    """Normalize over all axes but one; also return the mean and variance.

    Over an axis of one sample and those of its pixels, XLA's gradient on CPUs
    takes thirty times as long as over the pixels alone.
    """
    if x.shape[0] != 1 or x.ndim == 2:
        return definition(x, gamma, beta, axis=axis, epsilon=epsilon)
    outputs, mean, variance = definition(
        x[0], gamma, beta, axis=axis % x.ndim - 1, epsilon=epsilon
    )
    return outputs[None], mean, variance

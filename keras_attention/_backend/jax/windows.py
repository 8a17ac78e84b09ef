"""Sums over windows as sums of shifted planes, which XLA makes one loop."""

import jax
import jax.numpy as jnp
from jax import lax

from keras_attention._backend.plain import windows

# Larger windows take XLA long to compile.
_LARGEST = 9


def window_sums(planes, kernel):
    """Convolve planes (B, H, W) to one of their size."""
    kernel = jnp.asarray(kernel)
    if jax.default_backend() != "cpu" or kernel.shape[0] > _LARGEST:
        return windows.window_sums(planes, kernel)
    return _compiled(tuple(planes), kernel[..., 0])


@jax.custom_vjp
def _shifted_sums(planes, kernel):
    wide = jnp.promote_types(kernel.dtype, jnp.float32)
    weights = jnp.moveaxis(kernel.astype(wide), -1, 0)
    pairs = zip(planes, weights, strict=True)
    sums = sum(_correlate(plane.astype(wide), by) for plane, by in pairs)
    return sums.astype(kernel.dtype)


def _forward(planes, kernel):
    return _shifted_sums(planes, kernel), (planes, kernel)


def _backward(rest, slopes):
    planes, kernel = rest
    wide = jnp.promote_types(kernel.dtype, jnp.float32)
    slopes = slopes.astype(wide)
    turned = kernel[::-1, ::-1, None].astype(wide)
    size = len(kernel)
    # Not of shifted slopes, which XLA sums anew for each channel they go to if
    # a map has the channels first.
    of_both = lax.conv_general_dilated(
        _padded(slopes, size, flipped=True)[..., None],
        turned,
        window_strides=(1, 1),
        padding="VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    # A convolution whose channels are the samples, and whose window is a map.
    of_kernel = [
        lax.conv_general_dilated(
            _padded(plane.astype(wide), size)[..., None],
            slopes[..., None],
            window_strides=(1, 1),
            padding="VALID",
            dimension_numbers=("CHWN", "IHWO", "NHWC"),
        )[0, :, :, 0]
        for plane in planes
    ]
    of_planes = tuple(
        of_both[..., i].astype(plane.dtype) for i, plane in enumerate(planes)
    )
    return of_planes, jnp.stack(of_kernel, -1).astype(kernel.dtype)


_shifted_sums.defvjp(_forward, _backward)
# Called eagerly, each shift would be an operation that is compiled by itself.
_compiled = jax.jit(_shifted_sums, inline=True)


def _correlate(plane, weights):
    """Return the sum of a plane's shifts, each times its weight."""
    _, height, width = plane.shape
    size = len(weights)
    padded = _padded(plane, size)
    return sum(
        padded[:, i : i + height, j : j + width] * weights[i, j]
        for i in range(size)
        for j in range(size)
    )


def _padded(plane, size, flipped=False):
    """Return a plane with zeros around it, more of them at the end if odd."""
    pads = ((size - 1) // 2, size // 2)
    if flipped:
        pads = pads[::-1]
    return jnp.pad(plane, ((0, 0), pads, pads))

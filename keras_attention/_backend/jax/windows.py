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


@jax.custom_jvp
def _shifted_sums(planes, kernel):
    wide = jnp.promote_types(kernel.dtype, jnp.float32)
    weights = jnp.moveaxis(kernel.astype(wide), -1, 0)
    pairs = zip(planes, weights, strict=True)
    sums = sum(_correlate(plane.astype(wide), by) for plane, by in pairs)
    return sums.astype(kernel.dtype)


@_shifted_sums.defjvp
def _shifted_sums_jvp(primals, tangents):
    """Return the sums and their tangent, whose transpose is fast.

    The transpose of shifted sums would be sums of shifted gradients, which XLA
    computes again for each channel that they go to if a map has the channels
    first. Convolutions are their own kind of transpose: that of the planes'
    tangent takes the gradient of all planes at once, and those of the kernel's
    are convolutions whose channels are the samples and whose window is a map.
    """
    (planes, kernel), (of_planes, of_kernel) = primals, tangents
    wide = jnp.promote_types(kernel.dtype, jnp.float32)
    tangent = _of_planes(
        jnp.stack([plane.astype(wide) for plane in of_planes], axis=-1),
        kernel.astype(wide),
    )
    for index, plane in enumerate(planes):
        tangent += _of_kernel(
            plane.astype(wide), of_kernel[..., index].astype(wide)
        )
    return _shifted_sums(planes, kernel), tangent.astype(kernel.dtype)


def _of_planes(stacked, kernel):
    """Convolve (B, H, W, planes) with (n, n, planes) to (B, H, W).

    The transpose pads a gradient and then convolves it with no padding. That
    of a convolution whose inputs are padded first would convolve to the padded
    size, that of one with padding of its own takes longer.
    """
    _, height, width, _ = stacked.shape
    size = len(kernel)
    whole = _convolve(stacked, kernel[..., None], size - 1)[..., 0]
    first = size // 2
    return whole[:, first : first + height, first : first + width]


def _of_kernel(plane, weights):
    """Convolve (B, H, W) with (n, n) to the same size."""
    pads = [_pads(len(weights))] * 2
    padded = jnp.pad(plane, ((0, 0), *pads))[..., None]
    return _convolve(padded, weights[..., None, None], 0)[..., 0]


def _convolve(x, kernel, padding):
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding=[(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


# Called eagerly, each shift would be an operation that is compiled by itself.
_compiled = jax.jit(_shifted_sums, inline=True)


def _correlate(plane, weights):
    """Return the sum of a plane's shifts, each times its weight."""
    _, height, width = plane.shape
    size = len(weights)
    padded = jnp.pad(plane, ((0, 0), *[_pads(size)] * 2))
    return sum(
        padded[:, i : i + height, j : j + width] * weights[i, j]
        for i in range(size)
        for j in range(size)
    )


def _pads(size):
    """Return how many zeros go before and after, more of them after if odd."""
    return (size - 1) // 2, size // 2

"""Native forms of convolution for JAX, as sums of shifted maps."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from keras_attention._backend.jax_compilation import compiled

# Larger kernels take XLA long to compile.
_LARGEST_KERNEL = 9


def depthwise_conv2d(definition, x, kernel, bias, *, strides, **settings):
    """Convolve each channel of a map by itself, as a sum of shifted maps.

    XLA on CPUs makes one loop of them, which takes a tenth to a fiftieth of the
    time of its convolution.
    """
    strides = (strides,) * 2 if isinstance(strides, int) else tuple(strides)
    settings |= {"strides": strides}
    small = max(kernel.shape[:2]) <= _LARGEST_KERNEL
    if jax.default_backend() != "cpu" or not small:
        return definition(x, kernel, bias, **settings)
    convolve = compiled(_shifted_maps, (2, 3))
    outputs = convolve(x, kernel, definition, tuple(settings.items()))
    if bias is None:
        return outputs
    last = settings["data_format"] == "channels_last"
    return outputs + (bias if last else bias[:, None, None])


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _shifted_maps(x, kernel, definition, settings):
    settings = dict(settings)
    rates = settings["dilation_rate"]
    rates = (rates,) * 2 if isinstance(rates, int) else rates
    first = 1 if settings["data_format"] == "channels_last" else 2
    taps = kernel.shape[:2]
    extents = [(n - 1) * rate + 1 for n, rate in zip(taps, rates, strict=True)]
    sizes, strides = x.shape[first : first + 2], settings["strides"]
    pads = settings["padding"]
    if isinstance(pads, str):
        pads = lax.padtype_to_pads(sizes, extents, strides, pads.upper())
    counts = [
        (size + sum(pad) - extent) // stride + 1
        for size, pad, extent, stride in zip(
            sizes, pads, extents, strides, strict=True
        )
    ]
    widths = [(0, 0)] * 4
    widths[first : first + 2] = pads
    dtype = jnp.promote_types(kernel.dtype, jnp.float32)
    padded = jnp.pad(x.astype(dtype), widths)
    weights = kernel[:, :, 0].astype(dtype)
    if first == 2:
        weights = weights[..., None, None]

    def shifted(i, j):
        starts = i * rates[0], j * rates[1]
        used = (
            slice(start, start + (count - 1) * stride + 1, stride)
            for start, count, stride in zip(
                starts, counts, strides, strict=True
            )
        )
        return padded[(*(slice(None),) * first, *used)] * weights[i, j]

    sums = sum(shifted(i, j) for i in range(taps[0]) for j in range(taps[1]))
    return sums.astype(x.dtype)


@_shifted_maps.defjvp
def _shifted_maps_jvp(definition, settings, primals, tangents):
    """Tangent of the sums by convolutions in blocks, whose transposes are fast.

    Those of shifted maps would be as many padded maps and sums.
    """
    (x, kernel), (x_tangent, kernel_tangent) = primals, tangents
    tangent = sum(
        definition(*pair, None, **dict(settings))
        for pair in ((x_tangent, kernel), (x, kernel_tangent))
    )
    return _shifted_maps(x, kernel, definition, settings), tangent


def channels_per_block(definition, x):
    """Number of channels to which groups are joined, 0 if they are not."""
    return 32 if jax.default_backend() == "cpu" else 0


def conv2d_few_channels(definition, planes, kernel):
    """Convolve planes (B, H, W) as a sum of shifted planes.

    XLA on CPUs makes one loop of them, which takes a tenth of the time, forward
    and backward.
    """
    kernel = jnp.asarray(kernel)
    if jax.default_backend() != "cpu" or kernel.shape[0] > _LARGEST_KERNEL:
        return definition(planes, kernel)
    return compiled(_shifted_sums)(tuple(planes), kernel[..., 0])


@jax.custom_jvp
def _shifted_sums(planes, kernel):
    dtype = jnp.promote_types(kernel.dtype, jnp.float32)
    weights = jnp.moveaxis(kernel.astype(dtype), -1, 0)
    pairs = zip(planes, weights, strict=True)
    sums = sum(_correlate(plane.astype(dtype), by) for plane, by in pairs)
    return sums.astype(kernel.dtype)


@_shifted_sums.defjvp
def _shifted_sums_jvp(primals, tangents):
    """Tangent of the sums, whose transpose is fast.

    The transpose of shifted sums would be sums of shifted gradients, which XLA
    computes again for each channel that they go to if a map has the channels
    first. Convolutions are their own kind of transpose: that of the planes'
    tangent takes the gradient of all planes at once, and those of the kernel's
    are convolutions whose channels are the samples and whose kernel is a map.
    """
    (planes, kernel), (planes_tangent, kernel_tangent) = primals, tangents
    dtype = jnp.promote_types(kernel.dtype, jnp.float32)
    tangent = _convolve_planes(
        jnp.stack([plane.astype(dtype) for plane in planes_tangent], axis=-1),
        kernel.astype(dtype),
    )
    for index, plane in enumerate(planes):
        tangent += _convolve_plane(
            plane.astype(dtype), kernel_tangent[..., index].astype(dtype)
        )
    return _shifted_sums(planes, kernel), tangent.astype(kernel.dtype)


def _correlate(plane, weights):
    """Sum of a plane's shifts, each times its weight."""
    _, height, width = plane.shape
    size = len(weights)
    padded = jnp.pad(plane, ((0, 0), *[_pads(size)] * 2))
    return sum(
        padded[:, i : i + height, j : j + width] * weights[i, j]
        for i in range(size)
        for j in range(size)
    )


def _convolve_planes(stacked, kernel):
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


def _convolve_plane(plane, weights):
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


def _pads(size):
    """Zeros before and after an axis, more of them after if odd."""
    return (size - 1) // 2, size // 2

"""Native forms for JAX, by what XLA compiles to fast loops."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

# Sums of more numbers than these are fast as they are.
_FEW_CHANNELS = 32
# Larger kernels take XLA long to compile.
_LARGEST_KERNEL = 9


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
        return _compiled(_dot_of_slices)(x, y)
    return definition(x, y, axis)


def scale(definition, x, gate, axes):
    """Product of a map and a gate, with the gradients of `group_dot`."""
    if _are_few_channels(x, axes):
        return _compiled(_scale_by_slices)(x, gate)
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


# Convolution


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
    convolve = _compiled(_shifted_maps, (2, 3))
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
    return _compiled(_shifted_sums)(tuple(planes), kernel[..., 0])


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


# Sampling


def gather_positions(definition, table, index):
    """Index by sample and position, which XLA makes a gather of rows."""
    sample = jnp.arange(table.shape[0])
    return table[sample.reshape(-1, *(1,) * (index.ndim - 1)), index]


def gather_along(definition, values, index, axis):
    """Read values by an index of their own along an axis."""
    return jnp.take_along_axis(values, index, axis, mode="promise_in_bounds")


def weighted_gather(definition, table, taps):
    """Weighted sums of positions of a table, compiled as one."""
    is_loop = taps[0][0].shape[-1] > 1 and jax.default_backend() == "cpu"
    return _compiled(_sums_of_points if is_loop else _sums)(table, taps)


def _sums(table, taps):
    """Sum one position after the other, which XLA fuses.

    A product by `einsum` is a product of numbers forwards, yet a dot product
    backwards, for which XLA has a kernel on CPUs: training takes three quarters
    of the time. On GPUs no digits are dropped.
    """
    return sum(
        jnp.einsum(
            "n...c,n...->n...c",
            gather_positions(None, table, index[..., point]),
            weight[..., point],
            precision="highest",
        )
        for index, weight in taps
        for point in range(index.shape[-1])
    )


def _sums_of_points(table, taps):
    indices, weights = zip(*taps, strict=True)
    return _fused_sums(table, indices, weights)


@jax.custom_jvp
def _fused_sums(table, indices, weights):
    def sums():
        return _sums(table, zip(indices, weights, strict=True))

    def nothing():
        shape = (*indices[0].shape[:-1], table.shape[-1])
        return jnp.zeros(shape, jnp.result_type(table, weights[0]))

    # XLA fuses the reads with a reshape after them, and then computes indices
    # and weights again for each channel, which takes several times as long. It
    # does not fuse out of a condition whose value it does not know.
    return lax.cond(jnp.all(indices[0].ravel()[:1] >= 0), sums, nothing)


@_fused_sums.defjvp
def _fused_sums_jvp(primals, tangents):
    """Tangent of the sums point by point, in a loop.

    Its transpose takes a third of the time of that of the sums, and a fifth of
    the time to compile.
    """
    (table, indices, weights), (table_tangent, _, weight_tangents) = (
        primals,
        tangents,
    )
    index = _by_point(indices)

    def sums(table, weights):
        @functools.partial(jax.checkpoint, prevent_cse=False)
        def add(total, of_point):
            parts = zip(*of_point, strict=True)
            taps = [(i[..., None], weight[..., None]) for i, weight in parts]
            return total + _sums(table, taps), None

        shape = (*index.shape[2:], table.shape[-1])
        nothing = jnp.zeros(shape, table.dtype)
        return lax.scan(add, nothing, (index, _by_point(weights)))[0]

    return jax.jvp(sums, (table, weights), (table_tangent, weight_tangents))


def _by_point(parts):
    """Stack (B, ..., points) to (points, parts, B, ...)."""
    return jnp.moveaxis(jnp.stack(parts), -1, 0)


def interpolate(definition, maps, grid, **settings):
    """Sample maps at a grid of normalized locations, compiled as one."""
    return _compiled(definition, tuple(settings))(maps, grid, **settings)


def deform(definition, table, taps, kernel, **settings):
    """Convolve samples of maps, one location of the kernel after the other.

    XLA fuses the reads of each with its product, so that no array is locations
    times kernel size times channels.
    """
    compiled = _compiled(_deform_by_kernel_location, ("definition", *settings))
    return compiled(table, taps, kernel, definition=definition, **settings)


def _deform_by_kernel_location(table, taps, kernel, *, definition, **settings):
    kernels = kernel.reshape(-1, 1, 1, *kernel.shape[2:])
    parts = []
    for i, part in enumerate(kernels):
        own = [(index[..., i, None], by[..., i, None]) for index, by in taps]
        outputs = definition(table, own, part, **settings)
        dtype = jnp.promote_types(outputs.dtype, jnp.float32)
        parts.append(outputs.astype(dtype))
    return functools.reduce(jnp.add, parts).astype(kernel.dtype)


@functools.cache
def _compiled(function, static=()):
    """Compile a function, which is then fused with its caller.

    Called eagerly, each operation of it would be compiled by itself. `static`
    has the names, or the numbers, of the arguments that are no arrays.
    """
    if static and isinstance(static[0], int):
        return jax.jit(function, static_argnums=static, inline=True)
    return jax.jit(function, static_argnames=static, inline=True)

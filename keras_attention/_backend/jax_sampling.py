"""Native forms of sampling for JAX: gathers and their weighted sums."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from keras_attention._backend.jax_compilation import compiled


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
    return compiled(_sums_of_points if is_loop else _sums)(table, taps)


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
    return compiled(definition, tuple(settings))(maps, grid, **settings)


def deform(definition, table, taps, kernel, **settings):
    """Convolve samples of maps, one location of the kernel after the other.

    XLA fuses the reads of each with its product, so that no array is locations
    times kernel size times channels.
    """
    form = compiled(_deform_by_kernel_location, ("definition", *settings))
    return form(table, taps, kernel, definition=definition, **settings)


def _deform_by_kernel_location(table, taps, kernel, *, definition, **settings):
    kernels = kernel.reshape(-1, 1, 1, *kernel.shape[2:])
    parts = []
    for i, part in enumerate(kernels):
        own = [(index[..., i, None], by[..., i, None]) for index, by in taps]
        outputs = definition(table, own, part, **settings)
        dtype = jnp.promote_types(outputs.dtype, jnp.float32)
        parts.append(outputs.astype(dtype))
    return functools.reduce(jnp.add, parts).astype(kernel.dtype)

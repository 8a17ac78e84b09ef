"""One tap after the other, which XLA fuses, not all of them at once."""

import functools

import jax
import jax.numpy as jnp

from keras_attention._backend.jax.sampling import weighted_rows
from keras_attention._backend.plain.deform import product


@functools.partial(
    jax.jit, static_argnames=("groups", "offset_groups"), inline=True
)
def deform(maps, rows, columns, kernel, *, groups, offset_groups):
    """Return outputs (B, places, filters) in the dtype of the kernel.

    What is read for a tap is used up before the next, so that no array is
    places times taps times channels.
    """
    kernels = kernel.reshape(-1, 1, 1, *kernel.shape[2:])
    parts = []
    for tap, one in enumerate(kernels):
        here = [
            [(index[..., tap, None], by[..., tap, None]) for index, by in axis]
            for axis in (rows, columns)
        ]
        samples = weighted_rows(maps, *here).astype(kernel.dtype)
        part = product(samples, one, groups, offset_groups)
        parts.append(part.astype(jnp.result_type(part, jnp.float32)))
    return functools.reduce(jnp.add, parts).astype(kernel.dtype)

"""The product of a kernel with what lies at moved places."""

from keras import ops

from keras_attention._backend.plain import sampling


def deform(
    maps,
    rows,
    columns,
    kernel,
    *,
    groups,
    offset_groups,
    weighted_rows=sampling.weighted_rows,
):
    """Return outputs (B, places, filters) in the dtype of the kernel.

    Maps are (B * offset groups, H, W, members). `rows` and `columns` are read
    in pairs `(index, weight)`, as by `weighted_rows`; all of them are (B *
    offset groups, places, taps). The kernel is (height, width, channels /
    groups, filters).
    """
    samples = ops.cast(weighted_rows(maps, rows, columns), kernel.dtype)
    return product(samples, kernel, groups, offset_groups)


def product(samples, kernel, groups, offset_groups):
    """Return samples (B * offset groups, places, taps, members) times it."""
    _, places, taps, _ = ops.shape(samples)
    members, filters = kernel.shape[-2], kernel.shape[-1] // groups
    if offset_groups > 1:
        shape = (-1, offset_groups, places, taps, samples.shape[-1])
        samples = ops.transpose(ops.reshape(samples, shape), (0, 2, 3, 1, 4))
    if groups == 1:
        # Not `ops.matmul`, which makes float32 of float64 on JAX and PyTorch.
        samples = ops.reshape(samples, (-1, taps * members))
        outputs = samples @ ops.reshape(kernel, (taps * members, filters))
        return ops.reshape(outputs, (-1, places, filters))
    samples = ops.reshape(samples, (-1, taps, groups, members))
    samples = ops.transpose(samples, (2, 0, 1, 3))
    samples = ops.reshape(samples, (groups, -1, taps * members))
    kernel = ops.reshape(kernel, (taps * members, groups, filters))
    outputs = samples @ ops.transpose(kernel, (1, 0, 2))
    outputs = ops.transpose(outputs, (1, 0, 2))
    return ops.reshape(outputs, (-1, places, groups * filters))

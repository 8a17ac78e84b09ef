"""Convolution of samples at offset locations."""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.sampling import weighted_gather


@native
def deform(table, taps, kernel, *, groups, offset_groups):
    """Convolve samples of maps, to (B, locations, filters).

    The table is (B * offset groups, positions, channels per offset group). The
    taps `(index, weight)` are those of `weighted_gather` without points, each
    (B * offset groups, locations, kernel size). The kernel is (height, width,
    channels / groups, filters), and its dtype is the output's.
    """
    taps = [(index[..., None], weight[..., None]) for index, weight in taps]
    samples = ops.cast(weighted_gather(table, taps), kernel.dtype)
    _, locations, kernel_size, _ = ops.shape(samples)
    channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
    if offset_groups > 1:
        shape = (-1, offset_groups, *ops.shape(samples)[1:3], samples.shape[-1])
        samples = ops.transpose(ops.reshape(samples, shape), (0, 2, 3, 1, 4))
    if groups == 1:
        # Not `ops.matmul`, which narrows float64 to float32 on JAX and PyTorch.
        samples = ops.reshape(samples, (-1, kernel_size * channels))
        kernel = ops.reshape(kernel, (kernel_size * channels, filters))
        return ops.reshape(samples @ kernel, (-1, locations, filters))
    samples = ops.reshape(samples, (-1, kernel_size, groups, channels))
    samples = ops.transpose(samples, (2, 0, 1, 3))
    samples = ops.reshape(samples, (groups, -1, kernel_size * channels))
    kernel = ops.reshape(kernel, (kernel_size * channels, groups, filters))
    outputs = samples @ ops.transpose(kernel, (1, 0, 2))
    outputs = ops.transpose(outputs, (1, 0, 2))
    return ops.reshape(outputs, (-1, locations, groups * filters))

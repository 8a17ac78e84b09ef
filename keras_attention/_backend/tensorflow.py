"""Native forms for TensorFlow."""

import math

import tensorflow as tf
from keras import ops

# Larger kernels take XLA long to compile.
_LARGEST_KERNEL = 9


def gradient(definition, function, x):
    """Gradient of a scalar function at `x`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tf.convert_to_tensor(tape.gradient(value, x))


# Reductions over neighboring axes as over one, for which XLA has a faster
# loop: the training step of a gate of channels takes a third of the time.


def reduce_sum(definition, x, axes, keepdims=False):
    """Sum over `axes`."""
    return _reduce(tf.reduce_sum, x, axes, keepdims)


def mean(definition, x, axes, keepdims=False):
    """Mean over `axes`, which takes half as long as their sum.

    Over samples last: TensorFlow adds up value by value, with the error of as
    many roundings, up to fifty times that of sums of sums.
    """
    if len(axes) > 1 and axes[0] == 0:
        of_samples = _reduce(tf.reduce_mean, x, axes[1:], True)
        outputs = tf.reduce_mean(of_samples, 0, True)
        return outputs if keepdims else tf.squeeze(outputs, axes)
    return _reduce(tf.reduce_mean, x, axes, keepdims)


def amax(definition, x, axes, keepdims=False):
    """Maximum over `axes`, of which equal ones share the gradient."""
    return _reduce(tf.reduce_max, x, axes, keepdims)


def scale(definition, x, gate, axes):
    """Product of a map and a gate that has size 1 along `axes`."""
    if not _are_consecutive(axes):
        return definition(x, gate, axes)
    return tf.reshape(_merged(x, axes) * _merged(gate, axes), ops.shape(x))


def l2_norm(definition, x, axes):
    """Root of the sum of squares over `axes`.

    XLA computes the squares in the loop of the sum only if the axes are merged
    before.
    """
    if not _are_consecutive(axes):
        return definition(x, axes)
    return definition(_merged(x, axes), axes[:1])


def squared_deviations(definition, x, axes):
    """Return the mean, the squared deviations, and their unbiased mean."""
    if not _are_consecutive(axes):
        return definition(x, axes)
    mean, squares, variance = definition(_merged(x, axes), axes[:1])
    for axis in axes[1:]:
        mean, variance = (tf.expand_dims(t, axis) for t in (mean, variance))
    return mean, tf.reshape(squares, ops.shape(x)), variance


def scale_and_shift(definition, x, gate, shift, axes):
    """Product of a map and a gate, plus a shift, of size 1 along `axes`."""
    if not _are_consecutive(axes):
        return definition(x, gate, shift, axes)
    outputs = _merged(x, axes) * _merged(gate, axes) + _merged(shift, axes)
    return tf.reshape(outputs, ops.shape(x))


def _reduce(function, x, axes, keepdims):
    if not _are_consecutive(axes):
        return function(x, axes, keepdims)
    first, *others = axes
    outputs = function(_merged(x, axes), first, keepdims)
    for axis in others if keepdims else ():
        outputs = tf.expand_dims(outputs, axis)
    return outputs


def _are_consecutive(axes):
    """Return whether these are several consecutive axes."""
    run = tuple(range(axes[0], axes[-1] + 1))
    return len(axes) > 1 and tuple(axes) == run


def _merged(x, axes):
    """Merge neighboring axes into one."""
    sizes = ops.shape(x)
    before, after = sizes[: axes[0]], sizes[axes[-1] + 1 :]
    merged = math.prod(sizes[axis] for axis in axes)
    return tf.reshape(x, (*before, merged, *after))


# Convolution


def conv2d(definition, x, kernel, bias, *, data_format, **settings):
    """Convolve a map, on CPUs with the channels last.

    On a CPU TensorFlow convolves channels-first maps only through oneDNN, which
    many processors lack, and only in some dtypes. They are transposed whether
    or not there is oneDNN: a graph traced on one machine then runs on another.
    """
    _require_samples(x)
    if data_format == "channels_last" or _runs_on_gpu(x):
        return definition(x, kernel, bias, data_format=data_format, **settings)
    is_pointwise = kernel.shape[:3] == (1, 1, x.shape[1])
    is_pointwise &= isinstance(settings["padding"], str)
    if is_pointwise and not _is_xla_on_cpu():
        return _conv2d_pointwise(x, kernel, bias, settings["strides"])
    x = tf.transpose(x, (0, 2, 3, 1))
    outputs = definition(
        x, kernel, bias, data_format="channels_last", **settings
    )
    return tf.transpose(outputs, (0, 3, 1, 2))


def depthwise_conv2d(
    definition, x, kernel, bias, *, strides, data_format, **settings
):
    """Convolve each channel of a map by itself.

    Not in blocks: TensorFlow has a kernel for this, for equal strides.
    """
    rows, columns = (strides, strides) if isinstance(strides, int) else strides
    settings |= {"strides": (rows, columns), "data_format": data_format}
    if rows != columns:
        return definition(x, kernel, bias, **settings)
    if not isinstance(settings["padding"], str):
        # With such a padding in TensorFlow's function, Grappler may end the
        # process: "Invalid index from the dimension".
        first = 1 if data_format == "channels_last" else 2
        widths = [(0, 0)] * 4
        widths[first : first + 2] = settings["padding"]
        x = tf.pad(x, widths)
        settings["padding"] = "valid"
    outputs = ops.depthwise_conv(x, ops.swapaxes(kernel, 2, 3), **settings)
    if bias is None:
        return outputs
    return outputs + (
        bias if data_format == "channels_last" else bias[:, None, None]
    )


def channels_per_block(definition, x):
    """Number of channels to which groups are joined, 0 if they are not.

    `keras.ops.conv` compiles a convolution in groups by XLA on CPUs, at every
    call. Blocks are small, as TensorFlow's convolutions are faster at them than
    XLA's.
    """
    return 0 if _runs_on_gpu(x) else 16


def _runs_on_gpu(x):
    """Whether what is computed from `x` runs on a GPU.

    Not if `x` lies on a CPU, where a device scope on a machine with GPUs may
    have put it.
    """
    if not tf.config.list_logical_devices("GPU"):
        return False
    # The device of a symbolic tensor may be unknown: it is then ''.
    return "CPU" not in (getattr(x, "device", None) or "")


def _conv2d_pointwise(x, kernel, bias, strides):
    """Convolve a channels-first map with a kernel of 1x1.

    As a product of matrices, which needs no other order of the axes: it takes
    half as long as with the channels last, and as long as by oneDNN.
    """
    rows, columns = (strides, strides) if isinstance(strides, int) else strides
    if (rows, columns) != (1, 1):
        x = x[:, :, ::rows, ::columns]
    batch, channels, height, width = ops.shape(x)
    pixels = tf.reshape(x, (batch, channels, height * width))
    outputs = tf.matmul(kernel[0, 0], pixels, transpose_a=True)
    if bias is not None:
        outputs = outputs + bias[:, None]
    return tf.reshape(outputs, (batch, kernel.shape[-1], height, width))


def _require_samples(x):
    """Raise an error for an empty batch: TensorFlow returns a wrong shape."""
    if x.shape[0] == 0:
        raise ValueError(
            "A batch must have at least one sample where TensorFlow is to "
            f"convolve it. Received: x.shape={tuple(x.shape)}"
        )


def conv2d_few_channels(definition, planes, kernel):
    """Convolve planes (B, H, W): as sums of shifted planes where XLA runs."""
    _require_samples(planes[0])
    kernel = tf.convert_to_tensor(kernel)
    if not _is_xla_on_cpu() or kernel.shape[0] > _LARGEST_KERNEL:
        return definition(planes, kernel)
    dtype = tf.float64 if kernel.dtype == tf.float64 else tf.float32
    sums = [
        _correlate(tf.cast(plane, dtype), tf.cast(kernel[:, :, i, 0], dtype))
        for i, plane in enumerate(planes)
    ]
    return tf.cast(tf.add_n(sums), kernel.dtype)


def _is_xla_on_cpu():
    """Whether what is being traced is for XLA, and for no accelerator.

    What XLA makes one loop of may be a hundred small operations without it.
    """
    if tf.executing_eagerly() or tf.config.list_logical_devices("GPU"):
        return False
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        context = graph._get_control_flow_context()
        if context is not None and context.IsXLAContext():
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


@tf.custom_gradient
def _correlate(plane, weights):
    """Sum of a plane's shifts, each times its weight."""
    size = weights.shape[0]
    before, after = (size - 1) // 2, size // 2

    def gradients(sums_gradient):
        flipped = weights[::-1, ::-1]
        padded = _padded(sums_gradient, after, before)
        plane_gradient = _shifted_sums(padded, flipped)
        # The gradient of the weights is a convolution of the plane, with the
        # samples as its channels, and the gradient of the sums as its kernel.
        weights_gradient = tf.nn.conv2d(
            tf.transpose(_padded(plane, before, after), (1, 2, 0))[None],
            tf.transpose(sums_gradient, (1, 2, 0))[..., None],
            1,
            "VALID",
        )
        return plane_gradient, weights_gradient[0, :, :, 0]

    return _shifted_sums(_padded(plane, before, after), weights), gradients


def _shifted_sums(padded, weights):
    size = weights.shape[0]
    _, height, width = ops.shape(padded)
    height, width = height - size + 1, width - size + 1
    return tf.add_n(
        [
            padded[:, i : i + height, j : j + width] * weights[i, j]
            for i in range(size)
            for j in range(size)
        ]
    )


def _padded(plane, before, after):
    return tf.pad(plane, ((0, 0), (before, after), (before, after)))


# Sampling


def gather_positions(definition, table, index):
    """Read positions by a gather for each sample, whose gradient is fast."""
    return tf.gather(table, index, batch_dims=1)


def gather_along(definition, values, index, axis):
    """Read values by an index of their own along an axis, of rank 3.

    Keras' own would move the axis, and gather from each line separately.
    """
    shape = tf.shape(values)
    indices = [
        tf.reshape(tf.range(shape[i]), [-1 if j == i else 1 for j in range(3)])
        for i in range(3)
    ]
    indices[axis] = index
    first, second, third = indices
    flat = (first * shape[1] + second) * shape[2] + third
    return tf.gather(tf.reshape(values, [-1]), flat)

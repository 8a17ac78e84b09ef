"""Native forms for PyTorch, with fewer passes and copies than `keras.ops`."""

import keras
import torch
from torch.nn import functional


def gradient(definition, function, x):
    """Gradient at `x` of a function to a number."""
    # Wherever it is called: this turns gradients on in `torch.no_grad` as well,
    # in which Keras predicts.
    with torch.inference_mode(False):
        leaf = x.detach().clone()
        try:
            leaf.requires_grad_()
        except RuntimeError:
            # A transform of `torch.func` allows none but its own.
            return torch.func.grad(function)(leaf)
        return torch.autograd.grad(function(leaf), leaf)[0]


# Shapes and dtypes, which take `keras.ops` five to ten times as long.


def cast(definition, x, dtype):
    """Cast a tensor or variable to a dtype."""
    x = _value(x)
    dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    if isinstance(x, torch.Tensor) and isinstance(dtype, torch.dtype):
        return x.to(dtype)
    return definition(x, dtype)


def expand_dims(definition, x, positions):
    """Insert axes of size 1, at positions that are not negative."""
    for axis in positions:
        x = x.unsqueeze(axis)
    return x


def reshape(definition, x, shape):
    """Reshape a tensor."""
    if not isinstance(x, torch.Tensor):
        return definition(x, shape)
    return x.reshape(shape)


def _value(weight):
    """Tensor of a variable, in the dtype of the layer that it is in."""
    return weight.value if isinstance(weight, keras.Variable) else weight


# Elementwise operations


def relu(definition, x):
    """Rectified linear unit. It may overwrite `x`.

    A new map takes longer to allocate than to fill. Where gradients follow,
    PyTorch may need the old one.
    """
    return torch.relu(x) if torch.is_grad_enabled() else torch.relu_(x)


def activate(definition, function, x):
    """Apply an activation function.

    PyTorch has no second derivative of its hard sigmoid.
    """
    if function is keras.activations.hard_sigmoid:
        return functional.relu6(x + 3) / 6
    return function(x)


def lerp(definition, x, residual, weight):
    """Linear interpolation in one pass, where the definition takes three."""
    dtype = torch.promote_types(
        torch.promote_types(x.dtype, residual.dtype), weight.dtype
    )
    if dtype == torch.float16:
        # The gradient of `torch.lerp` to the weight has the difference of the
        # maps in it, which may be infinite.
        return torch.addcmul(residual * (1 - weight), x, weight)
    # Under `torch.autocast` there may be several dtypes, which it refuses.
    return torch.lerp(residual.to(dtype), x.to(dtype), weight.to(dtype))


def step(definition, x, target, share):
    """Partial step, `x + share * (target - x)`; `x` where `share` is 0."""
    x32, target, share = (
        y if y.dtype == torch.float64 else y.to(torch.float32)
        for y in (x, target, _value(share))
    )
    difference = target - x32
    # Fewer passes than `isfinite` takes, forward and backward.
    finite = torch.nan_to_num(difference, nan=0.0, posinf=0.0, neginf=0.0)
    difference = torch.where(share == 0, finite, difference)
    return torch.addcmul(x32, share, difference).to(x.dtype)


# Reductions


def reduce_sum(definition, x, axes, keepdims=False):
    """Sum over `axes`."""
    return x.sum(axes, keepdims)


def mean(definition, x, axes, keepdims=False):
    """Mean over `axes`."""
    return x.mean(axes, keepdims)


def amax(definition, x, axes, keepdims=False):
    """Maximum over `axes`, of which equal ones share the gradient."""
    return x.amax(axes, keepdims)


def softmax(definition, x, axis):
    """Softmax over an axis, in one pass."""
    return torch.softmax(x, axis)


def l2_norm(definition, x, axes):
    """Root of the sum of squares over `axes`, without a map of squares."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    return torch.linalg.vector_norm(x, dim=axes, dtype=dtype)


def scale_and_shift(definition, x, gate, shift, axes):
    """Product of a map and a gate, plus a shift, in one pass."""
    return torch.addcmul(shift, x, gate)


def group_dot(definition, x, y, axis):
    """Sum of `x * y` over `axis`, which stays.

    With one vector a sample it is a product of matrices, without a map of
    products.
    """
    if x.ndim == 3 and x.dtype == y.dtype and y.shape[3 - axis] == 1:
        return x @ y.mT if axis == 2 else y.mT @ x
    return (x * y).sum(axis, True)


# Normalization, which reads and writes a map fewer times


def batch_norm(definition, x, gamma, beta, *, axis, epsilon):
    """Normalize over all axes but one; also return the mean and variance.

    The definition takes two to four times as long.
    """
    outputs, mean, scale = torch.native_batch_norm(
        _vectors(x, axis), gamma, beta, None, None, True, 0.0, epsilon
    )
    with torch.no_grad():
        variance = (scale.pow(-2) - epsilon).clamp_(min=0)
    return _from_vectors(outputs, x, axis), mean.detach(), variance


def normalize(definition, x, gamma, beta, *, mean, variance, axis, epsilon):
    """Normalize by a mean and a variance, which are constants."""
    outputs = functional.batch_norm(
        _vectors(x, axis), mean, variance, gamma, beta, eps=epsilon
    )
    return _from_vectors(outputs, x, axis)


def _vectors(x, axis):
    """View a tensor with the axis that is not normalized over second."""
    if axis % x.ndim == x.ndim - 1:
        return x.reshape(-1, x.shape[-1])
    return x.movedim(axis, 1)


def _from_vectors(outputs, x, axis):
    """View normalized vectors in the shape of `x`."""
    if axis % x.ndim == x.ndim - 1:
        return outputs.reshape(x.shape)
    return outputs.movedim(1, axis)


# Products of vectors


def dense(definition, x, kernel, bias=None):
    """Product of vectors with a matrix: one call, of a dozen in Keras."""
    return functional.linear(x, _value(kernel).T, _value(bias))


def pointwise(definition, x, kernel, bias, *, axis):
    """Dense layer along axis 1 or the last one of a map.

    For a map with the channels last it is a convolution, which on processors
    of AMD's takes half the time of `linear`.
    """
    if x.ndim != 3:
        return functional.linear(x, kernel.T, bias)
    if axis == 1:
        # Its gradients take half the time that those of a convolution do.
        kernels = kernel.T.expand(x.shape[0], -1, -1)
        if bias is None:
            return torch.bmm(kernels, x)
        return torch.baddbmm(bias[:, None], kernels, x)
    outputs = functional.conv2d(
        x[:, None].permute(0, 3, 1, 2), kernel.T[:, :, None, None], bias
    )
    return outputs.permute(0, 2, 3, 1)[:, 0]


def weighted_sum(definition, x, weights, *, axis):
    """Sum of the positions of a map, each times its weight."""
    if axis == 1:
        return torch.matmul(x, weights[:, :, None])[:, :, 0]
    return torch.matmul(weights[:, None], x)[:, 0]


# Convolution, pooling and resizing, without copies to transpose a map


def conv2d(
    definition,
    x,
    kernel,
    bias,
    *,
    strides,
    padding,
    dilation_rate,
    data_format,
):
    """Convolve a map, in groups if it has more channels than the kernel.

    With the channels last it takes half the time and less than that of
    `keras.ops.conv`, which copies the map to have them second.
    """
    x = _channels_first(x, data_format)
    kernel = kernel.permute(3, 2, 0, 1).contiguous()
    pads = [0, 0]
    if not isinstance(padding, str):
        x, pads = _padded_by(x, padding)
    if _is_broken(x, kernel, strides) and not any(pads):
        rows, columns = _pair(strides)
        x, strides = x[:, :, ::rows, ::columns], 1
    elif padding == "same":
        x, pads = _padded(x, kernel.shape[2:], strides, dilation_rate)
    outputs = functional.conv2d(
        x,
        kernel,
        bias,
        stride=strides,
        padding=pads,
        dilation=dilation_rate,
        groups=x.shape[1] // kernel.shape[1],
    )
    return _from_channels_first(outputs, data_format)


def _is_broken(x, kernel, strides):
    """Whether oneDNN may write past the gradients of a convolution.

    PyTorch 2.13 does, with one thread, for a stride and few channels. Kernels
    of 1x1 need no padding, and may skip pixels beforehand.
    """
    return (
        not _sizes_vary()
        and _pair(strides) != (1, 1)
        and kernel.shape[2:] == (1, 1)
        and x.shape[1] < 8
    )


def _padded(x, kernel_size, strides, dilation_rate):
    """Return a map, and how many zeros it still needs on both sides."""
    strides, dilation_rate = _pair(strides), _pair(dilation_rate)
    rows, columns = (
        _same_padding(*sizes)
        for sizes in zip(
            x.shape[2:], strides, kernel_size, dilation_rate, strict=True
        )
    )
    if strides != (1, 1) and _sizes_vary():
        # No decision may depend on a size.
        return functional.pad(x, (*columns, *rows)), [0, 0]
    # The convolution has zeros of its own, as many on both sides.
    ends = [after - before for before, after in (rows, columns)]
    if any(ends):
        x = functional.pad(x, (0, ends[1], 0, ends[0]))
    return x, [rows[0], columns[0]]


def _padded_by(x, padding):
    """Return a map, and how many zeros it still needs on both sides."""
    if all(before == after for before, after in padding):
        return x, [before for before, _ in padding]
    rows, columns = padding
    return functional.pad(x, (*columns, *rows)), [0, 0]


def _same_padding(size, stride, kernel_size, dilation_rate):
    """Zeros before and after an axis that `padding="same"` adds.

    There are as many windows as strides, the last one begun.
    """
    zeros = dilation_rate * (kernel_size - 1)
    if stride > 1:
        most = zeros
        zeros = zeros - (size - 1) % stride
        # Sizes are tensors to the tracer of TorchScript.
        if isinstance(zeros, torch.Tensor):
            zeros = zeros.clamp(min=0)
        elif most < stride - 1:
            zeros = torch.sym_max(zeros, 0)
    return zeros // 2, zeros - zeros // 2


def _sizes_vary():
    """Whether a graph is recorded that shall take other sizes."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def _pair(numbers):
    return (numbers,) * 2 if isinstance(numbers, int) else tuple(numbers)


def conv2d_few_channels(definition, planes, kernel):
    """Convolve planes (B, H, W), the channels of a map."""
    kernel = _value(kernel).permute(3, 2, 0, 1)
    stacked = torch.stack(planes, 1)
    size = kernel.shape[-1]
    before, after = (size - 1) // 2, size // 2
    if before != after:
        stacked = functional.pad(stacked, (before, after, before, after))
        before = 0
    return functional.conv2d(stacked, kernel, padding=before)[:, 0]


def max_pool(definition, x, *, data_format):
    """Maxima of 3x3 windows with a stride of 2, padded as `"same"`."""
    x = _channels_first(x, data_format)
    if _sizes_vary():
        rows, columns = (_same_padding(size, 2, 3, 1) for size in x.shape[2:])
        x = functional.pad(x, (*columns, *rows), value=-torch.inf)
        outputs = functional.max_pool2d(x, 3, 2)
    else:
        # An odd size is padded at both ends, an even one at its end alone,
        # which is what rounding up the number of windows does.
        padding = [size % 2 for size in x.shape[2:]]
        outputs = functional.max_pool2d(
            x, 3, 2, padding=padding, ceil_mode=True
        )
    return _from_channels_first(outputs, data_format)


def average_pool(definition, x, factor):
    """Means of windows of `factor` x `factor`, channels last.

    Sums over one axis and then over the other: pooling takes twice as long.
    """
    for axis in (1, 2):
        x = x.unflatten(axis, (-1, factor)).sum(axis + 1)
    return x / factor**2


def resize_nearest(definition, x, size, *, data_format):
    """Resize maps: row `i` is row `floor(i * old / new)` of the old rows.

    PyTorch divides by the ratio of the sizes, which is exact for powers of two.
    """
    x = _channels_first(x, data_format)
    pairs = list(zip(x.shape[2:], size, strict=True))
    if _sizes_vary() or not all(_is_power_of_two(*pair) for pair in pairs):
        x = _from_channels_first(x, data_format)
        return definition(x, size, data_format=data_format)
    outputs = functional.interpolate(x, tuple(size), mode="nearest")
    return _from_channels_first(outputs, data_format)


def _is_power_of_two(old, new):
    """Whether the ratio of two sizes is a power of two, at least 1."""
    factor, rest = divmod(new, old)
    return rest == 0 and factor & (factor - 1) == 0


def window_means(definition, x, extent, *, data_format):
    """Means of windows around every `extent`-th position."""
    outputs = functional.avg_pool2d(
        _channels_first(x, data_format),
        2 * extent - 1,
        extent,
        padding=extent - 1,
        count_include_pad=False,
    )
    return _from_channels_first(outputs, data_format)


def resize_linear(definition, x, size, *, align_corners, data_format):
    """Resize maps of any rank by linear interpolation along each axis."""
    mode = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(x.ndim)
    if mode is None:
        return definition(
            x, size, align_corners=align_corners, data_format=data_format
        )
    last = data_format == "channels_last"
    outputs = functional.interpolate(
        x.movedim(-1, 1) if last else x,
        tuple(size),
        mode=mode,
        align_corners=align_corners,
    )
    return outputs.movedim(1, -1) if last else outputs


def _channels_first(x, data_format):
    return x.permute(0, 3, 1, 2) if data_format == "channels_last" else x


def _from_channels_first(x, data_format):
    return x.permute(0, 2, 3, 1) if data_format == "channels_last" else x

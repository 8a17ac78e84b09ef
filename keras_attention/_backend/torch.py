"""Native forms for PyTorch, with fewer passes and copies than `keras.ops`."""

import keras
import torch
from torch.nn import functional


def gradient(definition, function, x):
    """Gradient of a scalar function at `x`."""
    # Keras predicts under `torch.no_grad`. This turns gradients on also there.
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


def shape(definition, x):
    """Sizes of a tensor."""
    return tuple(x.shape) if isinstance(x, torch.Tensor) else definition(x)


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


def pad(definition, x, widths):
    """Add zeros before and after each axis.

    Keras' own makes an operation with a name, a side effect after which
    `torch.compile` ends its graph.
    """
    numbers = [number for pair in reversed(widths) for number in pair]
    return functional.pad(x, numbers)


def are_static(definition, *sizes):
    """Return whether NumPy may compute with sizes, which are known beforehand.

    In `torch.compile` a size that varies looks like an integer.
    """
    return not torch.compiler.is_compiling() and definition(*sizes)


@torch.compiler.assume_constant_result
def constant(definition, function, *numbers, dtype):
    """Return what a function computes with NumPy, which is not compiled."""
    return definition(function, *numbers, dtype=dtype)


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


def sigmoid(definition, x):
    """Logistic sigmoid."""
    return torch.sigmoid(x)


def gelu(definition, x):
    """Gaussian error linear unit, in one pass."""
    return functional.gelu(x)


def activate(definition, function, x):
    """Apply an activation function, in one PyTorch call.

    Keras' take two to four times as long for small vectors.
    """
    if function is keras.activations.relu:
        return torch.relu(x)
    if function is keras.activations.sigmoid:
        return torch.sigmoid(x)
    if function is keras.activations.hard_sigmoid:
        # PyTorch has no second derivative of its own.
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
    """Sum of `x * y` over `axis`, which is kept with size 1.

    With one vector per sample the sum is computed as a product of matrices,
    without a map of products.
    """
    if x.ndim == 3 and x.dtype == y.dtype and y.shape[3 - axis] == 1:
        # Not `mT`, for which there is no export to ONNX.
        turned = y.transpose(1, 2)
        return x @ turned if axis == 2 else turned @ x
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


def folded(
    definition, kernel, bias, gamma, beta, *, mean, variance, epsilon, dtype
):
    """Kernel and bias of a product followed by `normalize`, as one product."""
    dtype = getattr(torch, dtype)
    kernel, gamma, beta, mean, variance = (
        _value(x).to(dtype) for x in (kernel, gamma, beta, mean, variance)
    )
    scale = gamma * torch.rsqrt(variance + epsilon)
    if bias is not None:
        mean = mean - _value(bias).to(dtype)
    return kernel * scale, torch.addcmul(beta, mean, scale, value=-1)


def layer_norm(definition, x, epsilon):
    """Layer normalization over the last axis, in one PyTorch call."""
    if torch.jit.is_tracing():  # A size is a tensor then.
        return definition(x, epsilon)
    return torch.layer_norm(x, x.shape[-1:], eps=epsilon)


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


def matmul(definition, x, y):
    """Product of matrices. Keras computes that of float64 in float32."""
    return torch.matmul(x, y)


def dense(definition, x, kernel, bias=None):
    """Dense layer, in one PyTorch call."""
    return functional.linear(x, _value(kernel).T, _value(bias))


def pointwise(definition, x, kernel, bias, *, axis):
    """Dense layer along axis 1 or the last one of a map.

    For a map with the channels last it is a convolution, which on processors
    of AMD's takes half the time of `linear`. It begins later, by the time of a
    small product, and the gradients of a compiled one take longer.
    """
    if x.ndim != 3 or (axis != 1 and torch.compiler.is_compiling()):
        return functional.linear(x, kernel.T, bias)
    if axis != 1 and _is_small(x.shape[0] * x.shape[1] * kernel.numel()):
        return functional.linear(x, kernel.T, bias)
    if axis == 1:
        # The gradients of a product of matrices take half the time of those of
        # a convolution.
        kernels = kernel.T.expand(x.shape[0], -1, -1)
        if bias is None:
            return torch.bmm(kernels, x)
        return torch.baddbmm(bias[:, None], kernels, x)
    outputs = functional.conv2d(
        x[:, None].permute(0, 3, 1, 2), kernel.T[:, :, None, None], bias
    )
    return outputs.permute(0, 2, 3, 1)[:, 0]


def _is_small(products):
    """Return whether products take less time than a convolution needs to begin.

    While PyTorch traces a graph, sizes may be symbolic.
    """
    is_traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return not is_traced and products <= 2**23


def weighted_sum(definition, x, weights, *, axis):
    """Sum of the positions of a map, each times its weight."""
    if axis == 1:
        return torch.matmul(x, weights[:, :, None])[:, :, 0]
    return torch.matmul(weights[:, None], x)[:, 0]

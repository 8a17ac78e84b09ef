"""Values of maps, one by one, with fewer new maps."""

import torch

from keras_attention import _numerics


def blend(x, residual, weight):
    """Return `x * weight + residual * (1 - weight)`.

    In one pass, where the plain form takes three, and twice as long.
    """
    dtype = torch.promote_types(
        torch.promote_types(x.dtype, residual.dtype), weight.dtype
    )
    if dtype == torch.float16:
        # The gradient of `torch.lerp` to the weight has the difference of the
        # maps in it, which may be infinite.
        return torch.addcmul(residual * (1 - weight), x, weight)
    # Under `torch.autocast` there may be several dtypes, which it refuses.
    return torch.lerp(residual.to(dtype), x.to(dtype), weight.to(dtype))


def step(x, target, share):
    """Return `x + share * (target - x)`, and `x` itself where `share` is 0."""
    x32, target, share = map(_numerics.accumulable, (x, target, share))
    difference = target - x32
    # Fewer passes than `isfinite` takes, forward and backward.
    finite = torch.nan_to_num(difference, nan=0.0, posinf=0.0, neginf=0.0)
    difference = torch.where(share == 0, finite, difference)
    return torch.addcmul(x32, share, difference).to(x.dtype)


def rectify(x):
    """Return `x` or 0. What was in `x` may be lost.

    A new map takes longer to get than to fill. Where gradients follow,
    PyTorch may need the old one.
    """
    return torch.relu(x) if torch.is_grad_enabled() else torch.relu_(x)

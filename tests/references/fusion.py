"""Reference implementations of fusion layers."""

import numpy as np

from references.channel import multi_scale_gate
from references.maths import convolution
from references.maths import dense
from references.maths import norm
from references.maths import part
from references.maths import sigmoid
from references.maths import space


def attentional_feature_fusion(layer, weights, x, residual):
    w = multi_scale_gate(
        weights, x + residual, "local_context", "global_context"
    )
    return 2 * (w * x + (1 - w) * residual), w


def iterative_attentional_feature_fusion(layer, weights, x, residual):
    of_global = "global_context"
    w = multi_scale_gate(weights, x + residual, "local_context", of_global)
    mixture = w * x + (1 - w) * residual
    if not layer.share_global:
        of_global = "second_global_context"
    w = multi_scale_gate(weights, mixture, "second_local_context", of_global)
    return w * x + (1 - w) * residual, w


def selective_kernel(layer, weights, x):
    maps = []
    for index in range(layer.paths):
        own = part(weights, f"path_{index}")
        seen = x
        if layer.split_input:
            seen = np.split(x, layer.paths, axis=-1)[index]
        convolved = convolution(
            seen,
            own["conv/kernel"],
            strides=layer.strides,
            dilation=1 + index,
            groups=layer.groups,
        )
        biased = convolved + own.get("bias", 0)
        maps.append(np.maximum(norm(own, "norm", biased), 0))
    s = sum(maps).mean(axis=space(x))
    z = norm(weights, "squeeze_norm", dense(weights, "squeeze", s))
    logits = dense(weights, "select", np.maximum(z, 0))
    logits = np.stack(np.split(logits, layer.paths, axis=-1), axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    a = powers / powers.sum(axis=1, keepdims=True)
    y = sum(a[:, m, None, None] * u for m, u in enumerate(maps))
    return y, a


def split_attention(layer, weights, x):
    radix, groups, filters = layer.radix, layer.groups, layer.filters
    own = part(weights, "splits")
    convolved = convolution(
        x,
        own["conv/kernel"],
        strides=layer.strides,
        dilation=layer.dilation_rate,
        groups=groups * radix,
    )
    splits = np.split(
        np.maximum(norm(own, "norm", convolved), 0), radix, axis=-1
    )
    s = sum(splits).mean(axis=space(x))
    z = np.maximum(
        norm(weights, "squeeze_norm", in_groups(weights, "squeeze", s, groups)),
        0,
    )
    logits = in_groups(weights, "select", z, groups)
    a = np.zeros((len(x), radix, filters))
    for group, of_group in enumerate(np.split(logits, groups, axis=-1)):
        of_splits = np.stack(np.split(of_group, radix, axis=-1), axis=1)
        if radix == 1:
            share = sigmoid(of_splits)
        else:
            powers = np.exp(of_splits - of_splits.max(axis=1, keepdims=True))
            share = powers / powers.sum(axis=1, keepdims=True)
        size = filters // groups
        a[:, :, group * size : (group + 1) * size] = share
    y = sum(a[:, r, None, None] * u for r, u in enumerate(splits))
    return y, a


def in_groups(weights, name, x, groups):
    """Return a dense layer of each group of channels by itself."""
    kernels = np.split(weights[f"{name}/kernel"], groups, axis=-1)
    parts = zip(np.split(x, groups, axis=-1), kernels, strict=True)
    products = np.concatenate([a @ w for a, w in parts], axis=-1)
    return products + weights[f"{name}/bias"]


REFERENCES = {
    "AttentionalFeatureFusion": attentional_feature_fusion,
    "IterativeAttentionalFeatureFusion": iterative_attentional_feature_fusion,
    "SelectiveKernel": selective_kernel,
    "SplitAttention": split_attention,
}

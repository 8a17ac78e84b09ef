"""Reference implementations of fusion layers."""

import numpy as np

from references.channel import multi_scale_gate
from references.maths import dense
from references.maths import norm
from references.maths import part
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


def convolution(x, kernel, *, strides, dilation, groups):
    """Return a convolution with symmetric zero padding."""
    side = len(kernel)
    reach = dilation * (side - 1)
    around = (reach // 2, reach - reach // 2)
    padded = np.pad(x, ((0, 0), around, around, (0, 0)))
    height, width = x.shape[1:3]
    y = []
    for seen, weights in zip(
        np.split(padded, groups, axis=-1),
        np.split(kernel, groups, axis=-1),
        strict=True,
    ):
        taps = [
            seen[:, i : i + height : strides, j : j + width : strides]
            for i in range(0, reach + 1, dilation)
            for j in range(0, reach + 1, dilation)
        ]
        matrices = weights.reshape(-1, *weights.shape[2:])
        y.append(sum(t @ w for t, w in zip(taps, matrices, strict=True)))
    return np.concatenate(y, axis=-1)


REFERENCES = {
    "AttentionalFeatureFusion": attentional_feature_fusion,
    "IterativeAttentionalFeatureFusion": iterative_attentional_feature_fusion,
    "SelectiveKernel": selective_kernel,
}

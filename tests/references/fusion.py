"""Reference implementations of fusion layers."""

import numpy as np

from references.channel import multi_scale_gate
from references.maths import convolution
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


REFERENCES = {
    "AttentionalFeatureFusion": attentional_feature_fusion,
    "IterativeAttentionalFeatureFusion": iterative_attentional_feature_fusion,
    "SelectiveKernel": selective_kernel,
}

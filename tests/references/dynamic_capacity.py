"""Reference implementation of the networks of tests/cases.py."""

import numpy as np

from references.maths import ACTIVATIONS
from references.maths import dense
from references.maths import part
from references.maths import space


def convolution(weights, x, strides):
    """Return a convolution without padding, followed by a SiLU."""
    kernel = weights["kernel"]
    height, width = (
        (x.shape[axis] - kernel.shape[axis - 1]) // strides[axis - 1] + 1
        for axis in (1, 2)
    )
    y = np.zeros((len(x), height, width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            window = crop(x, (i * strides[0], j * strides[1]), kernel.shape[:2])
            y[:, i, j] = np.tensordot(window, kernel, 3)
    return ACTIVATIONS["silu"](y + weights["bias"])


def crop(x, start, size):
    rows, columns = (slice(a, a + n) for a, n in zip(start, size, strict=True))
    return x[:, rows, columns]


def classifier(weights, maps):
    features = convolution(part(weights, "conv"), maps, (1, 1))
    scores = dense(weights, "dense", features.mean(axis=space(features)))
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def saliency(weights, maps):
    """Return the gradient of the entropy by finite differences."""

    def entropy(maps):
        p = classifier(weights, maps)
        return -(p * np.log(np.maximum(p, 1e-10))).sum(axis=-1)

    size = maps[0].size
    steps = 1e-5 * np.eye(size).reshape(size, *maps.shape[1:])
    gradients = [(entropy(m + steps) - entropy(m - steps)) / 2e-5 for m in maps]
    gradients = np.reshape(gradients, maps.shape)
    return np.sqrt((gradients**2).sum(axis=-1) + 1e-8)


def dynamic_capacity_network(layer, weights, images):
    maps = convolution(part(weights, "coarse"), images, layer.patch_stride)
    salient = saliency(part(weights, "top"), maps)
    refined = maps.copy()
    positions = np.zeros((len(images), layer.num_patches, 2), int)
    size = layer.patch_size
    padded = np.pad(images, [(0, 0), (9, 9), (9, 9), (0, 0)])
    for b, values in enumerate(salient):
        order = np.argsort(-values, axis=None, kind="stable")
        for k, (i, j) in enumerate(
            zip(*np.unravel_index(order, values.shape), strict=True)
        ):
            if k == layer.num_patches:
                break
            start = [
                9 + stride * n + offset
                for stride, n, offset in zip(
                    layer.patch_stride, (i, j), layer.patch_offset, strict=True
                )
            ]
            patch = crop(padded[b : b + 1], start, size)
            vector = convolution(part(weights, "fine"), patch, (1, 1))
            refined[b, i, j] = vector[0, 0, 0]
            positions[b, k] = i, j
    outputs = classifier(part(weights, "top"), refined)
    return outputs, {"positions": positions, "saliency": salient}


REFERENCES = {"DynamicCapacityNetwork": dynamic_capacity_network}

"""Reference implementations of spatial attention and transformers."""

import itertools

import numpy as np

from references.maths import convolution
from references.maths import dense
from references.maths import dense as pointwise
from references.maths import norm
from references.maths import resize
from references.maths import sigmoid
from references.maths import space


def attention_gate(layer, weights, x, gating):
    if not layer.grid:
        f = norm(weights, "theta_norm", pointwise(weights, "theta", x))
        f = f + norm(weights, "phi_norm", pointwise(weights, "phi", gating))
        scores = pointwise(weights, "psi", np.maximum(f, 0))
        a = sigmoid(norm(weights, "psi_norm", scores))
        return x * a, a
    theta = strided_product(x, weights["theta"])
    phi = resize(pointwise(weights, "phi", gating), theta.shape, False)
    a = sigmoid(pointwise(weights, "psi", np.maximum(theta + phi, 0)))
    a = resize(a, x.shape, False)
    y = norm(weights, "out_norm", pointwise(weights, "out", x * a))
    return y, a


def strided_product(x, kernel):
    """Return a convolution of windows of 2 along each axis, with a step of 2.

    A size of 1 is followed by a zero.
    """
    sizes = [max(n // 2, 1) for n in x.shape[1:-1]]
    ends = [(0, int(n == 1)) for n in x.shape[1:-1]]
    padded = np.pad(x, [(0, 0), *ends, (0, 0)])
    total = 0
    for index in itertools.product((0, 1), repeat=len(sizes)):
        steps = [
            slice(first, 2 * size, 2)
            for first, size in zip(index, sizes, strict=True)
        ]
        total = total + padded[:, *steps] @ kernel[index]
    return total


def large_kernel_attention(layer, weights, x):
    a = x
    for name, dilation in (("local", 1), ("dilated", layer.dilation_rate)):
        kernel = weights[f"{name}/kernel"]
        a = convolution(
            a, kernel, strides=1, dilation=dilation, groups=x.shape[-1]
        )
        a = a + weights.get(f"{name}/bias", 0)
    a = pointwise(weights, "pointwise", a)
    return x * a, a


def spatial_attention(layer, weights, x):
    gate = spatial_gate(weights, x)
    return x * gate, gate


def spatial_gate(weights, x):
    """Return the spatial gate of a map."""
    d = np.stack([x.max(axis=-1), x.mean(axis=-1)], axis=-1)
    kernel = weights["conv/kernel"]
    side = len(kernel)
    before = (side - 1) // 2
    after = side - 1 - before
    padded = np.pad(d, ((0, 0), (before, after), (before, after), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (side, side), axis=(1, 2)
    )
    score = np.einsum("bhwcij,ijco->bhwo", windows, kernel)
    score = score + weights.get("conv/bias", 0)
    if "norm/gamma" in weights:
        score = norm(weights, "norm", score)
    return sigmoid(score)


def spatial_group_enhance(layer, weights, x):
    size = x.shape[-1] // layer.groups
    y, gates = [], []
    for group in range(layer.groups):
        part = x[..., group * size : (group + 1) * size]
        mean = part.mean(axis=space(x), keepdims=True)
        c = (part * mean).sum(axis=-1, keepdims=True)
        centered = c - c.mean(axis=space(x), keepdims=True)
        count = np.prod(c.shape[1:])
        if count > 1:
            deviation = c.std(axis=space(x), keepdims=True, ddof=1)
            centered = centered / (deviation + layer.epsilon)
        gate = sigmoid(
            weights["gamma"][group] * centered + weights["beta"][group]
        )
        y.append(part * gate)
        gates.append(gate)
    return np.concatenate(y, axis=-1), np.concatenate(gates, axis=-1)


def spatial_transformer(layer, weights, x):
    hidden = dense(weights, "dense", x.max(axis=space(x)))
    features = hidden / (
        1 + np.abs(hidden)
    )  # the localization network of tests/cases.py
    theta = features @ weights["kernel"] + weights["bias"]
    height, width = layer.output_size or x.shape[1:3]
    x_out, y_out = np.meshgrid(
        pixel_centers(width, layer.align_corners),
        pixel_centers(height, layer.align_corners),
    )
    target = np.stack([x_out, y_out, np.ones_like(x_out)], axis=-1)
    grid = np.stack([TRANSFORMS[layer.transform](t, target) for t in theta])
    return sample(x, grid, layer), grid


def pixel_centers(count, align_corners):
    """Return the normalized coordinates of the pixel centers of an axis."""
    edges = np.linspace(-1, 1, count + 1)
    if not align_corners:
        return (edges[1:] + edges[:-1]) / 2
    return np.linspace(-1, 1, count) if count > 1 else np.zeros(1)


def affine(theta, target):
    return target @ theta.reshape(2, 3).T


def attention(theta, target):
    return theta[0] * target[..., :2] + theta[1:]


def translation(theta, target):
    return target[..., :2] + theta


def projective(theta, target):
    u = target @ np.append(theta, 1).reshape(3, 3).T
    return u[..., :2] / u[..., 2:]


def thin_plate_spline(theta, target):
    points = theta.reshape(-1, 2)
    side = np.linspace(-1, 1, int(len(points) ** 0.5))
    centers = np.array([(x, y, 1) for y in side for x in side])

    def phi(p, q):
        r = np.linalg.norm(p[..., np.newaxis, :] - q, axis=-1)
        return 2 * r**2 * np.log(np.where(r > 0, r, 1))

    system = np.block(
        [[phi(centers, centers), centers], [centers.T, np.zeros((3, 3))]]
    )
    knowns = np.concatenate([points, np.zeros((3, 2))])
    terms = np.concatenate([phi(target, centers), target], axis=-1)
    return terms @ np.linalg.solve(system, knowns)


TRANSFORMS = {
    "affine": affine,
    "attention": attention,
    "translation": translation,
    "projective": projective,
    "tps": thin_plate_spline,
}


def sample(x, grid, settings):
    """Sample a map at the locations of a grid, extended by the padding mode."""
    columns = pixel_weights(grid[..., 0], x.shape[2], settings)
    rows = pixel_weights(grid[..., 1], x.shape[1], settings)
    return np.einsum("bijh,bijw,bhwc->bijc", rows, columns, x, optimize=True)


def pixel_weights(locations, count, settings):
    """Return the weight of each pixel of an axis at each location."""
    if settings.align_corners:
        locations = (locations + 1) / 2 * (count - 1)
    else:
        locations = (locations + 1) / 2 * count - 0.5
    first, last = int(np.floor(locations.min())), int(np.ceil(locations.max()))
    pixels = np.arange(first - 2, last + 3)
    if settings.interpolation == "nearest":
        kernel = np.rint(locations)[..., np.newaxis] == pixels
    else:
        kernel = KERNELS[settings.interpolation](
            np.abs(locations[..., np.newaxis] - pixels)
        )
    index = pixels
    if settings.padding_mode == "border":
        index = np.clip(pixels, 0, count - 1)
    if settings.padding_mode == "reflection":
        # One period of the reflected axis, with its ends once or twice.
        line = np.arange(count)
        back = line[-2:0:-1] if settings.align_corners else line[::-1]
        period = np.concatenate([line, back])
        index = period[pixels % len(period)]
    return kernel @ (index[:, np.newaxis] == np.arange(count)).astype(float)


def cubic(d, a=-0.75):
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


KERNELS = {"bilinear": lambda d: np.maximum(1 - d, 0), "bicubic": cubic}

REFERENCES = {
    "AttentionGate": attention_gate,
    "LargeKernelAttention": large_kernel_attention,
    "SpatialAttention": spatial_attention,
    "SpatialGroupEnhance": spatial_group_enhance,
    "SpatialTransformer": spatial_transformer,
}

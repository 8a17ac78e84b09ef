"""Patches of images, and vectors at locations of maps."""

from keras import ops

from keras_attention.ops import reshaping
from keras_attention.ops import sampling


def top_positions(values, count: int):
    """Return rows and columns of the largest values, `(batch, count, 2)`.

    The order is descending. Equal values are in row-major order.
    """
    batch, height, width = reshaping.shape(values)
    # Not `top_k`, whose order of equal values is undefined on PyTorch.
    order = ops.argsort(
        -reshaping.reshape(values, (batch, height * width)), axis=1
    )
    index = reshaping.reshape(order[:, :count], (batch, count))
    return ops.stack([index // width, index % width], axis=-1)


def crop(images, starts, size: tuple[int, int]):
    """Crop patches of images (B, H, W, C), to (B * count, *size, C).

    The upper left corners are the rows and columns `starts`, (B, count, 2).
    Pixels outside the image are zero.
    """
    batch, height, width, channels = reshaping.shape(images)
    count = starts.shape[1]
    shape = (batch, count, *size)
    flat = (batch, count * size[0], size[1])
    rows, columns = (
        starts[..., axis, None] + ops.arange(size[axis], dtype="int32")
        for axis in (0, 1)
    )
    rows = reshaping.reshape(ops.broadcast_to(rows[..., None], shape), flat)
    columns = reshaping.reshape(
        ops.broadcast_to(columns[:, :, None], shape), flat
    )
    inside = ops.logical_and(
        _is_inside(rows, height), _is_inside(columns, width)
    )
    patches = sampling.gather_pixels(
        images,
        sampling.bounded(rows, height),
        sampling.bounded(columns, width),
    )
    patches = ops.where(ops.expand_dims(inside, -1), patches, 0)
    return reshaping.reshape(patches, (batch * count, *size, channels))


def read(maps, positions):
    """Return the vectors (B, count, F) of maps (B, h, w, F) at `positions`."""
    rows, columns = (positions[:, None, :, axis] for axis in (0, 1))
    return sampling.gather_pixels(maps, rows, columns)[:, 0]


def write(maps, positions, vectors):
    """Write vectors (B, count, F) into maps (B, h, w, F) at distinct positions.

    The gradient flows to the vectors, and to the maps at all other positions.
    """
    shape = batch, height, width, features = reshaping.shape(maps)
    sample = ops.expand_dims(ops.arange(batch, dtype="int32"), 1)
    index = (sample * height + positions[..., 0]) * width + positions[..., 1]
    written = ops.scatter_update(
        reshaping.reshape(maps, (-1, features)),
        reshaping.reshape(index, (-1, 1)),
        reshaping.reshape(vectors, (-1, features)),
    )
    return reshaping.reshape(written, shape)


def _is_inside(index, size):
    return ops.logical_and(index >= 0, index < size)

"""Places of a map: found, cut out, read and written."""

from keras import ops

from keras_attention import _backend
from keras_attention._backend.plain import sampling


def largest(values, count: int):
    """Return rows and columns of the largest values, `(batch, count, 2)`.

    The largest comes first; of equals the one further up, then to the left.
    """
    batch, height, width = ops.shape(values)
    # Not `top_k`, which on PyTorch takes any of equals.
    order = ops.argsort(
        -_backend.reshape(values, (batch, height * width)), axis=1
    )
    places = _backend.reshape(order[:, :count], (batch, count))
    return ops.stack([places // width, places % width], axis=-1)


def cut(images, starts, size: tuple[int, int]):
    """Return patches of images (B, H, W, C) as (B * count, *size, C).

    They begin at the rows and columns `starts`, (B, count, 2), which may be
    anywhere: outside the image they are zero.
    """
    batch, height, width, channels = ops.shape(images)
    count = starts.shape[1]
    shape = (batch, count, *size)
    flat = (batch, count * size[0], size[1])
    rows, columns = (
        starts[..., axis, None] + ops.arange(size[axis], dtype="int32")
        for axis in (0, 1)
    )
    rows = _backend.reshape(ops.broadcast_to(rows[..., None], shape), flat)
    columns = _backend.reshape(
        ops.broadcast_to(columns[:, :, None], shape), flat
    )
    inside = ops.logical_and(
        _is_inside(rows, height), _is_inside(columns, width)
    )
    patches = _backend.take_rows(
        images,
        sampling.bounded(rows, height),
        sampling.bounded(columns, width),
    )
    patches = ops.where(ops.expand_dims(inside, -1), patches, 0)
    return _backend.reshape(patches, (batch * count, *size, channels))


def read(maps, positions):
    """Return the vectors of maps (B, h, w, F) at positions, (B, count, F)."""
    rows, columns = (positions[:, None, :, axis] for axis in (0, 1))
    return _backend.take_rows(maps, rows, columns)[:, 0]


def write(maps, positions, vectors):
    """Return maps (B, h, w, F) with (B, count, F) at positions, no two alike.

    Gradients go to the vectors, and to the maps elsewhere.
    """
    shape = batch, height, width, features = ops.shape(maps)
    sample = ops.expand_dims(ops.arange(batch, dtype="int32"), 1)
    index = (sample * height + positions[..., 0]) * width + positions[..., 1]
    written = ops.scatter_update(
        _backend.reshape(maps, (-1, features)),
        _backend.reshape(index, (-1, 1)),
        _backend.reshape(vectors, (-1, features)),
    )
    return _backend.reshape(written, shape)


def _is_inside(index, size):
    return ops.logical_and(index >= 0, index < size)

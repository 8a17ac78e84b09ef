"""The axes of a data format."""

from collections.abc import Sequence

import keras

Shape = Sequence[int | None]


def resolve_data_format(data_format: str | None) -> str:
    """Return `data_format`, or the Keras default where it is `None`."""
    if data_format is None:
        return keras.config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be 'channels_last', 'channels_first' or None. "
            f"Received: data_format={data_format!r}"
        )
    return data_format


def channel_axis(data_format: str, rank: int) -> int:
    """Return the non-negative index of the channel axis."""
    return rank - 1 if data_format == "channels_last" else 1


def any_rank_axis(data_format: str) -> int:
    """Return an index of the channel axis that holds for every rank."""
    return 1 if data_format == "channels_first" else -1


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """Return the indices between batch and channels, in order."""
    channels = channel_axis(data_format, rank)
    return tuple(axis for axis in range(1, rank) if axis != channels)


def spatial_size(shape: Sequence, data_format: str) -> tuple:
    """Return the sizes between batch and channels, in order."""
    return tuple(shape[axis] for axis in spatial_axes(data_format, len(shape)))


def channel_count(shape: Shape, data_format: str) -> int:
    """Return the static number of channels, which a layer needs to build."""
    channels = shape[channel_axis(data_format, len(shape))]
    if channels is None:
        raise ValueError(
            "The channel axis must have a known size "
            f"(data_format={data_format!r}). "
            f"Received: input_shape={tuple(shape)}"
        )
    return channels


def with_channels(
    shape: Shape, channels: int, data_format: str
) -> tuple[int | None, ...]:
    """Return the shape of a map of the same size with other channels."""
    axis = channel_axis(data_format, len(shape))
    return (*shape[:axis], channels, *shape[axis + 1 :])


def strided(
    shape: Shape, channels: int, strides: int, data_format: str
) -> tuple[int | None, ...]:
    """Return the shape of every n-th position of a map, with other channels."""
    axes = spatial_axes(data_format, len(shape))
    return tuple(
        -(-size // strides) if axis in axes and size is not None else size
        for axis, size in enumerate(with_channels(shape, channels, data_format))
    )


def pooled(shape: Shape, data_format: str) -> tuple[int | None, ...]:
    """Return the shape that is left when the spatial axes are pooled to 1."""
    axes = spatial_axes(data_format, len(shape))
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def shape_from_channels_last(
    shape: Shape, data_format: str
) -> tuple[int | None, ...]:
    """Convert a channels-last shape to `data_format`."""
    *others, channels = shape
    others.insert(channel_axis(data_format, len(shape)), channels)
    return tuple(others)


def shape_to_channels_last(
    shape: Shape, data_format: str
) -> tuple[int | None, ...]:
    """Convert a shape in `data_format` to channels last."""
    others = list(shape)
    channels = others.pop(channel_axis(data_format, len(shape)))
    return (*others, channels)

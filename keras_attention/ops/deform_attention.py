"""Multi-scale deformable attention as a function (Zhu et al., 2021)."""

import itertools
from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import _symbolic
from keras_attention.ops import _tensors
from keras_attention.ops import deformation
from keras_attention.ops import precision
from keras_attention.ops import reshaping


def _output_spec(values, locations, weights, *, data_format):
    """Return the shape and dtype of the outputs, or raise an error."""
    channels = _check(values, locations, weights, data_format)
    batch = _tensors.batch_size(
        **_named(values), locations=locations, weights=weights
    )
    queries = locations.shape[1] or weights.shape[1]
    dtype = _tensors.float_dtype("values[0]", values[0])
    return (batch, queries, channels), dtype


def _named(values) -> dict[str, Any]:
    return {f"values[{level}]": value for level, value in enumerate(values)}


def _check(values, locations, weights, data_format) -> int:
    """Return the number of channels."""
    shapes = [tuple(value.shape) for value in values]
    axis = data_formats.channel_axis(data_format, 4)
    # Not a set: in a trace of PyTorch, sizes are tensors.
    channels = [shape[axis] for shape in shapes if len(shape) == 4]
    if (
        not channels
        or len(channels) < len(shapes)
        or any(count is None or count != channels[0] for count in channels)
        or any(size == 0 for shape in shapes for size in shape[1:])
    ):
        raise ValueError(
            "`values` must be a list of maps of rank 4 with the same number of "
            f"channels, none of them empty. Received: values.shapes={shapes}"
        )
    count = channels[0]
    shape = tuple(locations.shape)
    if len(shape) != 6 or shape[-1] != 2 or shape[3] != len(values):
        raise ValueError(
            "`locations` must have shape (batch, queries, heads, levels, "
            "points, 2), where the levels are those of `values`, here "
            f"{len(values)}. Received: locations.shape={shape}"
        )
    heads, points = shape[2], shape[4]
    if not heads or not points:
        raise ValueError(
            "`locations` must have a known number of heads and points, and at "
            f"least one of each. Received: locations.shape={shape}"
        )
    validation.divides(
        "locations.shape[2]", heads, count, "the number of channels"
    )
    found = tuple(weights.shape)
    if len(found) != 5 or any(
        None not in (a, b) and a != b
        for a, b in zip(found, shape[:-1], strict=True)
    ):
        raise ValueError(
            "`weights` must have the shape of `locations` without its last "
            f"axis, {shape[:-1]}. Received: weights.shape={found}"
        )
    for name, tensor in (
        *_named(values).items(),
        ("locations", locations),
        ("weights", weights),
    ):
        _tensors.float_dtype(name, tensor)
    _tensors.batch_size(**_named(values), locations=locations, weights=weights)
    return count


@_symbolic.takes_symbolic(_output_spec, "values", "locations", "weights")
def deform_attention(
    values: Sequence[Any],
    locations: Any,
    weights: Any,
    *,
    data_format: str | None = None,
):
    r"""Multi-scale deformable attention, as a function.

    .. math::

        z_{q,h} = \sum_{l,n} A_{q,h,l,n}\, v^l_h(W_l x_{q,h,l,n} - \tfrac12,
        H_l y_{q,h,l,n} - \tfrac12)

    where :math:`v^l_h` are the channels of head :math:`h` of the map of level
    :math:`l`, of height :math:`H_l` and width :math:`W_l`, read bilinearly at a
    column and a row in pixels, zero outside, and :math:`(x, y)` are the
    `locations` of the points :math:`n`. It is the sampling of
    `keras_attention.MultiScaleDeformableAttention`, between its dense layers.

    Values and gradients are those of PyTorch's `grid_sample` with
    `align_corners=False`. Positions are computed in float32 or float64.

    Args:
        values: List of float tensors, one map of each level, `(batch, height,
            width, channels)`. The channels of a head are contiguous.
        locations: Float tensor of shape `(batch, queries, heads, levels,
            points, 2)`: the locations :math:`(x, y)`, from 0 to 1 between the
            edges of the map.
        weights: Float tensor of shape `(batch, queries, heads, levels,
            points)`, of any sign and sum.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the dtype of the first map, of shape `(batch, queries,
        channels)`. With `data_format="channels_first"` the channel axis of
        `values` is the second. An infinite location samples zero, and a NaN
        location returns NaN. Memory outside a map is never read.

    Raises:
        ValueError: If an argument is not as described above, or if the number
            of heads does not divide the number of channels.

    Example:

    >>> levels = [np.array([[1.0, 2.0]]), np.array([[10.0]])]
    >>> levels = [level[None, ..., None] for level in levels]
    >>> center = np.full((1, 1, 1, 2, 1, 2), 0.5)
    >>> weights = np.array([0.5, 0.5]).reshape(1, 1, 1, 2, 1)
    >>> y = keras_attention.ops.deform_attention(levels, center, weights)
    >>> np.asarray(y).ravel().tolist()
    [5.75]

    Reference:
        `Deformable DETR: Deformable Transformers for End-to-End Object
        Detection <https://arxiv.org/abs/2010.04159>`_, equation 3.
    """
    data_format = data_formats.resolve_data_format(data_format)
    if not isinstance(values, list | tuple):
        raise ValueError(
            "`values` must be a list of maps. "
            f"Received: values={validation.described(values)}"
        )
    values = [ops.convert_to_tensor(value) for value in values]
    locations, weights = map(ops.convert_to_tensor, (locations, weights))
    _check(values, locations, weights, data_format)
    output_dtype = _tensors.float_dtype("values[0]", values[0])
    dtype = _tensors.sampling_dtype(output_dtype)
    heads, levels, points = locations.shape[2:5]
    maps = [
        reshaping.to_channels_last(precision.cast(value, dtype), data_format)
        for value in values
    ]
    sizes = [reshaping.shape(level)[1:3] for level in maps]
    table = ops.concatenate(
        [deformation.grouped_table(level, heads) for level in maps], 1
    )

    def of_points(numbers):
        """Return a number of each level as one of each point."""
        numbers = ops.stack([precision.cast(n, "int32") for n in numbers])
        return ops.repeat(numbers, points)

    height, width = (of_points(numbers) for numbers in zip(*sizes, strict=True))
    counts = [rows * columns for rows, columns in sizes]
    start = of_points(itertools.accumulate([0, *counts[:-1]]))
    shape = (*reshaping.shape(locations)[:2], heads, levels * points)
    locations = reshaping.reshape(precision.cast(locations, dtype), (*shape, 2))
    outputs = deformation.weighted_samples(
        table,
        (height, width),
        locations[..., 1] * precision.cast(height, dtype) - 0.5,
        locations[..., 0] * precision.cast(width, dtype) - 0.5,
        reshaping.reshape(precision.cast(weights, dtype), shape),
        start,
    )
    return precision.cast(outputs, output_dtype)

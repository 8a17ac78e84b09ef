"""Multi-scale deformable attention, Deformable DETR (Zhu et al., 2021)."""

import math
from typing import Unpack

import keras
import numpy as np
from keras import ops

from keras_attention._base import calls
from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping
from keras_attention.ops.deform_attention import deform_attention


@keras.saving.register_keras_serializable(package="keras_attention")
class MultiScaleDeformableAttention(Attention, KernelLayer):
    r"""Multi-scale deformable attention: queries read a few points of maps.

    .. math::

        y_q = z_q + d\Bigl(b + \sum_h W_h \sum_{l,n} A_{q,h,l,n}\,
        v^l_h\bigl(p_{q,l} + \Delta_{q,h,l,n} / s_l\bigr)\Bigr), \qquad
        A_{q,h} = \operatorname{softmax}_{l,n}(w_{h,l,n} \cdot z_q +
        c_{h,l,n})

    where :math:`z_q` are the queries and :math:`p_{q,l}` their reference
    points, :math:`v^l_h` are the channels of head :math:`h` of a 1x1
    convolution of the map of level :math:`l`, of width and height :math:`s_l`,
    read bilinearly at a location, zero outside, :math:`W_h` are the columns of
    the last dense layer for head :math:`h`, :math:`b` is its bias, and
    :math:`d` is dropout. The weights, by :math:`w` and :math:`c`, and the
    offsets :math:`\Delta_q`, in pixels, are dense layers of the query. For
    boxes of a center :math:`p` and a size :math:`r`, the locations are
    :math:`p_{q,l} + \Delta_{q,h,l,n}\, r_{q,l} / (2 N)` with the number
    :math:`N` of points.

    The cost of a query does not depend on the sizes of the maps. The layer is
    the attention of detectors of the family of Deformable DETR: in the encoder
    the queries are all positions of the maps, in the decoder they are learned.

    Args:
        num_heads: Number of heads, a divisor of `hidden_units`.
        num_points: Number :math:`N` of points of each head on each level.
        hidden_units: Number of channels of :math:`v`, of all heads together.
            `None` is the number of channels of the queries.
        dropout: Rate of dropout, from 0 to 1.
        kernel_initializer: Initializer of the kernels of :math:`v` and
            :math:`W`. Those of offsets and weights start at zero, so that
            each head starts with points in one direction, at distances of 1 to
            :math:`N` pixels.
        kernel_regularizer: Regularizer of the kernels of :math:`v` and
            :math:`W`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        query: Float tensor of the queries. The number of channels must be
            known.
        values: List of float tensors, one map of each level, with the channels
            of the queries. The length of the list is fixed by the first call.
        reference_points: Float tensor of the reference points of each level:
            :math:`(x, y)`, from 0 to 1 between the edges of the map, or boxes,
            :math:`(x, y)` of the center, width and height.
        training: Whether to apply dropout.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `query` is `(batch, queries, channels)` and `reference_points` is
        `(batch, queries, levels, 2)` or `(batch, queries, levels, 4)`, in
        either data format. Each of `values` is `(batch, height, width,
        channels)` if `data_format="channels_last"`, `(batch, channels, height,
        width)` if `data_format="channels_first"`.

    Output shape:
        The shape of `query`. `attention` is a dictionary: under `"locations"`
        the locations :math:`(x, y)` of the points, `(batch, queries, heads,
        levels, points, 2)`, and under `"weights"` their weights :math:`A`,
        `(batch, queries, heads, levels, points)`, which sum to one over levels
        and points.

    Raises:
        ValueError: If an argument is not as described above, if `num_heads`
            does not divide `hidden_units`, or if the inputs do not fit
            together or to the first call.

    Example:

    >>> query = keras.random.normal((2, 10, 64))
    >>> values = [keras.random.normal((2, n, n, 64)) for n in (16, 8)]
    >>> points = keras.random.uniform((2, 10, 2, 2))
    >>> layer = keras_attention.MultiScaleDeformableAttention()
    >>> y, attention = layer(query, values, points, return_attention=True)
    >>> tuple(y.shape)
    (2, 10, 64)
    >>> tuple(attention["locations"].shape)
    (2, 10, 8, 2, 4, 2)

    Reference:
        `Deformable DETR: Deformable Transformers for End-to-End Object
        Detection <https://arxiv.org/abs/2010.04159>`_, equation 3.

    Note:
        The layer adds the query, after dropout, as mmcv's does. The authors'
        module has no dropout and does not add the query: set `dropout=0` and
        subtract the query. There is no mask of padding: multiply the maps by it
        before the call. In half precision, offsets and locations are computed
        in float32, and reference points are not cast; the returned locations
        have the compute dtype.
    """

    card = Card(
        operation=(
            "reads a few points of several maps for each query: "
            "`layer(query, values, reference_points)`"
        ),
        insertion="in the encoder and decoder of a detection transformer",
        limits=(
            "It needs queries with reference points. To attend from each "
            "position of a map to the others, use `CrissCrossAttention`."
        ),
        papers=("2010.04159",),
        attention={"locations": "locations", "weights": "location weights"},
        short_names=("msda", "ms_deform_attn"),
        call="MultiScaleDeformableAttention()",
        parameters="(C + 1) * (3 * t + 2 * C)",
        multiply_adds="H * W * (2 * C**2 + 3 * C * t + 5 * C * t // 8)",
        symbols={"t": "32"},
        layouts=("official", "mmcv"),
    )

    _lists = ("values",)

    def __init__(
        self,
        num_heads: int = 8,
        *,
        num_points: int = 4,
        hidden_units: int | None = None,
        dropout: float = 0.1,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            data_format=data_format,
            **kwargs,
        )
        self.num_heads = validation.positive_integer("num_heads", num_heads)
        self.num_points = validation.positive_integer("num_points", num_points)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.dropout = validation.rate("dropout", dropout)
        # A fixed name, as the keys of PyTorch's `state_dict` contain it.
        self.seed_generator = keras.random.SeedGenerator(name="seed_generator")
        self.input_spec = keras.layers.InputSpec(ndim=3)
        # Keras would cast the reference points: in half precision they are off
        # by pixels.
        self.autocast = False

    def build(self, query_shape, values_shape, reference_points_shape=None):
        channels = data_formats.channel_count(query_shape, "channels_last")
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: channels})
        self._levels = len(values_shape)
        self._check(query_shape, values_shape, reference_points_shape)
        units = self.hidden_units or channels
        validation.divides(
            "num_heads", self.num_heads, units, "the number of hidden units"
        )
        points = self.num_heads * self._levels * self.num_points
        self.offset_kernel, self.offset_bias = self._precise_dense(
            "offset", 2 * points, channels, bias_initializer=self._directions
        )
        self.score = self._dense(
            "score",
            points,
            channels,
            kernel_initializer="zeros",
            kernel_regularizer=None,
        )
        self.value = self._dense("value", units, channels)
        self.out = self._dense("out", channels, units)

    def call(
        self,
        query,
        values,
        reference_points,
        training=None,
        return_attention=False,
    ):
        self._check(
            query.shape,
            [v.shape for v in values],
            getattr(reference_points, "shape", None),
        )
        query, *values = (
            precision.cast(x, self.compute_dtype) for x in (query, *values)
        )
        attention = self.compute_attention(
            query, values, reference_points, training=training
        )
        outputs = self.apply_attention(
            query, values, attention, training=training
        )
        attention = {
            name: precision.cast(value, query.dtype)
            for name, value in attention.items()
        }
        return self._outputs(outputs, attention, return_attention)

    def compute_attention(self, query, values, reference_points, training=None):
        scores = precision.upcast(calls.dense(self.score, query))
        taps = self._levels * self.num_points
        weights = reductions.softmax(self._split(scores, taps), 3)
        query = precision.upcast(query)
        offsets = calls.precise_dense(
            self.offset_kernel, self.offset_bias, query
        )
        offsets = self._split(offsets, self._levels, self.num_points, 2)
        points = precision.cast(reference_points, query.dtype)
        points = reshaping.expand_dims(points, (2, 4))
        if points.shape[-1] == 4:
            offsets = offsets * points[..., 2:] * (0.5 / self.num_points)
        else:
            offsets = offsets / self._sizes(values, query.dtype)
        return {
            "locations": points[..., :2] + offsets,
            "weights": self._split(weights, self._levels, self.num_points),
        }

    def apply_attention(self, query, values, attention, training=None):
        samples = deform_attention(
            [self._project(value) for value in values],
            attention["locations"],
            attention["weights"],
            data_format=self.data_format,
        )
        outputs = calls.dense(self.out, samples)
        if training and self.dropout:
            outputs = keras.random.dropout(
                outputs, self.dropout, seed=self.seed_generator
            )
        return query + outputs

    def compute_output_shape(
        self, query_shape, values_shape, reference_points_shape
    ):
        if self.built:
            self._check(query_shape, values_shape, reference_points_shape)
        return tuple(query_shape)

    def compute_attention_shape(
        self, query_shape, values_shape, reference_points_shape
    ):
        shape = (
            *query_shape[:2],
            self.num_heads,
            len(values_shape),
            self.num_points,
        )
        return {"locations": (*shape, 2), "weights": shape}

    def _directions(self, shape, dtype=None):
        """Return the offsets at the start: for each head, its direction."""
        angle = np.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        direction /= np.abs(direction).max(axis=-1, keepdims=True)
        distance = np.arange(1, self.num_points + 1)[:, None]
        offsets = direction[:, None, None] * distance
        offsets = np.repeat(offsets, self._levels, axis=1)
        return ops.convert_to_tensor(offsets.reshape(shape), dtype)

    def _split(self, x, *sizes):
        """Split the last axis into heads and these sizes."""
        return reshaping.reshape(
            x, (*reshaping.shape(x)[:2], self.num_heads, *sizes)
        )

    def _sizes(self, values, dtype):
        """Return the width and height of each map, of shape (levels, 1, 2)."""
        sizes = [
            data_formats.spatial_size(reshaping.shape(value), self.data_format)[
                ::-1
            ]
            for value in values
        ]
        sizes = [precision.cast(n, dtype) for size in sizes for n in size]
        return reshaping.reshape(ops.stack(sizes), (self._levels, 1, 2))

    def _project(self, value):
        """Return the 1x1 convolution of a map."""
        size = data_formats.spatial_size(
            reshaping.shape(value), self.data_format
        )
        z = calls.pointwise(
            self.value,
            reshaping.merge_spatial_axes(value, self.data_format),
            data_formats.channel_axis(self.data_format, 3),
        )
        return reshaping.split_spatial_axis(z, size, self.data_format)

    def _check(self, query_shape, values_shape, points_shape) -> None:
        """Raise an error if the inputs do not fit to each other."""
        channels = self.input_spec.axes[-1]
        values_shape = [tuple(shape) for shape in values_shape]
        received = f"Received: values.shapes={values_shape}"
        if len(values_shape) != self._levels:
            raise ValueError(
                "`values` must be a list of as many maps as in the first call, "
                f"here {self._levels}. {received}"
            )
        axis = data_formats.channel_axis(self.data_format, 4)
        if any(
            len(shape) != 4 or shape[axis] not in (channels, None)
            for shape in values_shape
        ):
            raise ValueError(
                "`values` must be maps of rank 4 with the channels of `query` "
                f"({channels}). {received}"
            )
        points_shape = tuple(points_shape or ())
        *others, levels, numbers = (None, None, None, *points_shape)[-4:]
        if (
            len(points_shape) != 4
            or levels != self._levels
            or numbers not in (2, 4)
            or any(
                None not in (a, b) and a != b
                for a, b in zip(others, query_shape, strict=False)
            )
        ):
            raise ValueError(
                "`reference_points` must have shape (batch, queries, levels, 2 "
                "or 4), where batch and queries are those of `query`, "
                f"{tuple(query_shape[:2])}, and the levels those of `values`, "
                f"{self._levels}. "
                f"Received: reference_points.shape={points_shape}"
            )

"""External attention (Guo et al., 2021)."""

import math
from typing import Unpack

import keras
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
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping
from keras_attention.self_attention._merged import merged
from keras_attention.self_attention._merged import position_count


@keras.saving.register_keras_serializable(package="keras_attention")
class ExternalAttention(Attention, KernelLayer):
    r"""External attention to two memories that all samples share.

    .. math::

        s = \operatorname{softmax}_p(M_k u_p), \qquad
        l_{p,k} = \frac{s_{p,k}}{\varepsilon + \sum_j s_{p,j}}, \qquad
        y_p = \operatorname{relu}(\operatorname{BN}(W M_v\, l_p) + x_p)

    where :math:`u` is a 1x1 convolution of the input :math:`x`, and the
    memories :math:`M_k` and :math:`M_v` are kernels with `units` slots. The
    double normalization takes a softmax over the positions of each slot, and
    then the share of each slot at a position. Time and memory grow with the
    number of positions, and not with its square. The input can have any number
    of spatial axes.

    Args:
        units: Number of slots of the memories.
        epsilon: Number :math:`\varepsilon > 0` that is added to the sum over
            the slots.
        use_projection: Whether there are the convolution before the memories,
            and after them the convolution, the batch normalization, the sum
            with the input and the ReLU. Without them the output is :math:`M_v\,
            l_p`, with :math:`u = x`.
        kernel_initializer: Initializer of the kernels of both convolutions.
            The default is PyTorch's, uniform within :math:`\pm 1 /
            \sqrt{\text{inputs}}`. The memory :math:`M_k` starts with a normal
            distribution of variance :math:`2 / C`, and :math:`M_v` as its
            transpose.
        kernel_regularizer: Regularizer of all kernels, and of the memories.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and at least one
            spatial axis. The number of channels must be known.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is :math:`l`, `(batch, positions, units)`
        in either data format.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> layer = keras_attention.ExternalAttention(units=32)
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape), tuple(attention.shape)
    ((2, 8, 8, 16), (2, 64, 32))

    Reference:
        `Beyond Self-attention: External Attention using Two Linear Layers for
        Visual Tasks <https://arxiv.org/abs/2105.02358>`_, section 3.2.

    Note:
        The bias of the first convolution adds the same to all positions, which
        their softmax does not see, so that it has no effect. Biases are
        initialized to zero; PyTorch initializes them like the kernels.
    """

    card = Card(
        operation="reads a memory that all samples share, by two products",
        insertion="before the classifier of a segmentation network",
        limits=(
            "The memories do not depend on the sample: relations between two "
            "positions of one image are not compared."
        ),
        papers=("2105.02358",),
        attention="units",
        short_names=("external", "ea"),
        call="ExternalAttention(U)",
        parameters="2 * C**2 + 3 * C + 2 * U * C",
        multiply_adds="2 * H * W * C * (C + U)",
        symbols={"U": "64"},
        layouts=("official", "external-attention-pytorch"),
    )

    def __init__(
        self,
        units: int = 64,
        *,
        epsilon: float = 1e-9,
        use_projection: bool = True,
        kernel_initializer: Initializer = validation.PYTORCH_UNIFORM,
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
        self.units = validation.positive_integer("units", units)
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.use_projection = validation.boolean(
            "use_projection", use_projection
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        # It draws the same values both times.
        start = keras.initializers.RandomNormal(stddev=math.sqrt(2 / channels))
        if self.use_projection:
            self.project = self._dense("project", channels, channels)
        self.memory_key = self._memory(
            "memory_key", self.units, channels, start
        )
        self.memory_value = self._memory(
            "memory_value",
            channels,
            self.units,
            lambda shape, dtype: ops.transpose(start(shape[::-1], dtype)),
        )
        if self.use_projection:
            self.expand = self._dense(
                "expand", channels, channels, use_bias=False
            )
            self.norm = self._batch_norm(
                "norm", channels, data_formats.any_rank_axis(self.data_format)
            )

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        z, axis = merged(x, self.data_format)
        attention = self._shares(z, axis)
        outputs = calls.pointwise(self.memory_value, attention, axis)
        if self.use_projection:
            outputs = calls.pointwise_batch_norm(
                self.expand, self.norm, outputs, training, axis
            )
            outputs = elementwise.relu(outputs + z)
        outputs = reshaping.reshape(
            precision.cast(outputs, x.dtype), reshaping.shape(x)
        )
        attention = reshaping.to_channels_last(attention, self.data_format)
        return self._outputs(
            outputs, precision.cast(attention, x.dtype), return_attention
        )

    def compute_attention_shape(self, input_shape):
        count = position_count(input_shape, self.data_format)
        return (input_shape[0], count, self.units)

    def _shares(self, z, axis: int):
        """Return the share of each slot at each position."""
        if self.use_projection:
            z = calls.pointwise(self.project, z, axis, is_biased=False)
        scores = calls.pointwise(self.memory_key, z, axis)
        weights = reductions.softmax(scores, 3 - axis)
        total = reductions.reduce_sum(weights, (axis,), keepdims=True)
        return weights / (total + self.epsilon)

    def _memory(
        self, name: str, units: int, inputs: int, initializer: Initializer
    ):
        """Return a new memory: a dense layer without a bias, built."""
        return self._dense(
            name,
            units,
            inputs,
            use_bias=False,
            kernel_initializer=initializer,
        )

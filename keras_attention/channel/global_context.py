"""Global context block, GC (Cao et al., 2019)."""

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
from keras_attention.channel._context_transform import ContextTransform
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class GlobalContext(Attention, KernelLayer):
    r"""Global context block (GC), of GCNet.

    .. math::

        l_p = w \cdot x_p + b, \qquad
        a_p = \frac{\exp(l_p)}{\sum_{q \in S} \exp(l_q)}, \qquad
        c = \sum_{p \in S} a_p\, x_p, \qquad
        t(c) = W_2\, \mathrm{ReLU}(\mathrm{LN}(W_1 c + b_1)) + b_2

    .. math::

        y_p = x_p + t(c) \quad (\text{"add"}), \qquad
        y_p = \sigma(t(c)) \odot x_p \quad (\text{"scale"})

    where :math:`x_p` is the vector of channels at position :math:`p`, :math:`S`
    is the set of positions, :math:`\sigma` is the logistic sigmoid,
    :math:`\mathrm{LN}` is layer normalization of the hidden units,
    :math:`W_1 \in \mathbb{R}^{h \times C}`, and
    :math:`W_2 \in \mathbb{R}^{C \times h}`. The context :math:`c` is a weighted
    mean of the map: :math:`a_p` is the attention of a simplified non-local
    block, in which all queries share one attention map. With `fusion="both"`
    the map is scaled first, and then another :math:`t(c)` of the same context
    is added.

    :math:`W_2` is initialized to zero. A layer that adds starts as the
    identity, and one that scales starts with gates of 1/2. The input can have
    any number of spatial axes: signals, images and volumes are accepted. In a
    residual network the layer is inserted after the last batch normalization of
    a branch, before the addition. Weights and context are computed in float32
    or float64, whatever the dtype of the input.

    Args:
        reduction: Integer :math:`r \ge 1`: there are
            `max(1, channels // reduction)` hidden units.
        hidden_units: Number :math:`h` of hidden units; overrides `reduction`.
        fusion: What the context does: `"add"`, `"scale"` or `"both"`.
        epsilon: Positive number that layer normalization adds to the variance.
        kernel_initializer: Initializer of :math:`w` and :math:`W_1`. The
            default is PyTorch's for convolutions, uniform within
            :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of :math:`w`, :math:`W_1` and
            :math:`W_2`.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and at least one
            spatial axis. The number of channels must be known.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is a dictionary: `"spatial"` has the
        weights :math:`a`, of the input shape with one channel, whose sum over
        the positions is 1. If the layer scales, `"channel"` has the gate
        :math:`\sigma(\cdot)`, of the input shape with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.GlobalContext(fusion="both")
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> {key: tuple(a.shape) for key, a in attention.items()}
    {'spatial': (2, 8, 8, 1), 'channel': (2, 1, 1, 64)}

    Reference:
        `GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond
        <https://arxiv.org/abs/1904.11492>`_, section 3.

    Note:
        The attention does not depend on :math:`b`. The layer has it, as
        published weights do, but computes without it, so that its gradient is
        exactly zero. In mmcv :math:`w` follows a normal distribution with
        the variance :math:`2 / C`. The block of timm computes the same with
        `epsilon=1e-6`. Biases are initialized to zero; PyTorch initializes them
        like the kernels.
    """

    card = Card(
        operation="adds a weighted mean of the map, or scales channels by it",
        insertion="at the end of a residual branch; starts as the identity",
        limits=(
            "All positions get the same context. If positions need different "
            "ones, use a layer whose attention differs between positions."
        ),
        papers=("1904.11492",),
        attention={"spatial": "spatial", "channel": "channel"},
        short_names=("gc", "gca"),
        call="GlobalContext()",
        parameters="2 * C * h + 3 * h + 2 * C + 1",
        multiply_adds="2 * H * W * C + 2 * C * h + h",
        symbols={"h": "C // 16"},
        layouts=("mmcv", "timm"),
    )

    def __init__(
        self,
        reduction: int = 16,
        *,
        hidden_units: int | None = None,
        fusion: str = "add",
        epsilon: float = 1e-5,
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
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.fusion = validation.one_of(
            "fusion", fusion, ("add", "scale", "both")
        )
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.mask = self._dense("mask", 1, channels)
        self.scale = self.add = None
        if self.fusion != "add":
            self.scale = self._transform("scale", channels, hidden)
        if self.fusion != "scale":
            self.add = self._transform("add", channels, hidden)

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        weights, context = self._pool(x)
        attention = {"spatial": weights}
        if self.scale is not None:
            gate = elementwise.sigmoid(self.scale.call(context))
            gate = reshaping.gate_of_channels(gate, x, axes)
            attention["channel"] = gate
        if self.add is not None:
            term = reshaping.gate_of_channels(self.add.call(context), x, axes)
        if self.fusion == "add":
            outputs = x + term
        elif self.fusion == "scale":
            outputs = reductions.scale(x, gate, axes)
        else:
            outputs = reductions.scale_and_shift(x, gate, term, axes)
        return self._outputs(outputs, attention, return_attention)

    def compute_attention_shape(self, input_shape):
        shapes = {
            "spatial": data_formats.with_channels(
                input_shape, 1, self.data_format
            )
        }
        if self.fusion != "add":
            shapes["channel"] = data_formats.pooled(
                input_shape, self.data_format
            )
        return shapes

    def _pool(self, x):
        """Return the weight of each position, and the weighted mean."""
        x32 = reshaping.merge_spatial_axes(
            precision.upcast(x), self.data_format
        )
        axis = data_formats.channel_axis(self.data_format, 3)
        logits = calls.pointwise(self.mask, x32, axis, is_biased=False)
        weights = reductions.softmax(ops.squeeze(logits, axis), 1)
        shape = data_formats.with_channels(
            reshaping.shape(x), 1, self.data_format
        )
        return (
            reshaping.reshape(precision.cast(weights, x.dtype), shape),
            products.weighted_sum(x32, weights, axis=axis),
        )

    def _transform(self, name: str, channels: int, hidden_units: int):
        """Return a new transform of the context, built."""
        transform = ContextTransform(
            hidden_units,
            epsilon=self.epsilon,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name=name,
        )
        transform.build((None, channels))
        return transform

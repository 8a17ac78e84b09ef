"""Polarized self-attention, PSA (Liu et al., 2021)."""

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
from keras_attention.ops import normalization
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class PolarizedSelfAttention(Attention, KernelLayer):
    r"""Polarized self-attention (PSA): gates of channels and of positions.

    .. math::

        a = \sigma\Bigl(f\bigl(\textstyle\sum_{p \in S} W_v x_p\,
        \operatorname{softmax}_p(w_q \cdot x_p)\bigr)\Bigr), \qquad
        k = W'_q\, \tfrac{1}{|S|} \textstyle\sum_{p \in S} x_p

        q_p = \sigma\bigl(\operatorname{softmax}_p(k \cdot W'_v x_p)\bigr),
        \qquad
        y_{p,c} = a_c\, x_{p,c} + q_p\, x_{p,c}

    where :math:`S` is the set of spatial positions, over which each softmax is
    taken, :math:`\sigma` is the logistic sigmoid, :math:`w_q \in
    \mathbb{R}^C`, and :math:`W_v, W'_q, W'_v \in \mathbb{R}^{C/2 \times C}`.
    These are convolutions of size 1 without biases. In parallel mode
    :math:`f(z) = W_u z` with :math:`W_u \in \mathbb{R}^{C \times C/2}`.

    In sequential mode the gate of positions is computed from the map
    :math:`x' = a\, x`, and its softmax is taken before the product, for each
    channel:

    .. math::

        q_p = \sigma\bigl(k \cdot \operatorname{softmax}_p(W'_v x'_p)\bigr),
        \qquad
        y_p = q_p\, x'_p, \qquad
        f(z) = W_2\, \mathrm{relu}(\mathrm{LN}(W_1 z + b_1)) + b_2

    with :math:`k` of :math:`x'`, layer normalization :math:`\mathrm{LN}`, and
    a bottleneck of :math:`C/8` units. The authors insert the layer into the
    residual blocks of networks for pose estimation and segmentation.

    Args:
        mode: `"parallel"` or `"sequential"`.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is a dictionary: under `"channel"` the gate
        :math:`a`, of the input shape with height and width 1, under
        `"spatial"` the gate :math:`q`, of the input shape with one channel.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.PolarizedSelfAttention()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> tuple(attention["channel"].shape), tuple(attention["spatial"].shape)
    ((2, 1, 1, 64), (2, 8, 8, 1))

    Reference:
        `Polarized Self-Attention: Towards High-quality Pixel-wise Regression
        <https://arxiv.org/abs/2107.00782>`_, section 3.

    Note:
        The layer follows the authors' code, in which the two modes differ in
        more than the order of the gates. It pools a map before a convolution
        where that gives the same result, so that in parallel mode it convolves
        no map to :math:`C/2` channels. It computes the gates in float32 or
        float64. Biases are initialized to zero; PyTorch initializes them like
        the kernels.
    """

    card = Card(
        operation="scales channels and positions, by products of queries",
        insertion="within a residual block, for pose estimation, segmentation",
        limits=(
            "It has convolutions of C² weights and more. For image "
            "classification a gate of channels is cheaper."
        ),
        papers=("2107.00782",),
        attention={"channel": "channel", "spatial": "spatial"},
        short_names=("psa",),
        call="PolarizedSelfAttention()",
        parameters="C + 2 * C**2",
        multiply_adds="5 * H * W * C + 2 * C**2",
        layouts=("official",),
    )

    def __init__(
        self,
        mode: str = "parallel",
        *,
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
        self.mode = validation.one_of("mode", mode, ("parallel", "sequential"))
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        inner, hidden = max(1, channels // 2), max(1, channels // 8)

        def dense(name, units, inputs, use_bias=False):
            return self._dense(name, units, inputs, use_bias=use_bias)

        self.channel_query = dense("channel_query", 1, channels)
        self.channel_value = dense("channel_value", inner, channels)
        if self.mode == "parallel":
            self.expand = dense("expand", channels, inner)
        else:
            self.reduce = dense("reduce", hidden, inner, use_bias=True)
            self.gamma = self._precise_vector("gamma", hidden, "ones")
            self.beta = self._precise_vector("beta", hidden, "zeros")
            self.expand = dense("expand", channels, hidden, use_bias=True)
        self.spatial_query = dense("spatial_query", inner, channels)
        self.spatial_value = dense("spatial_value", inner, channels)

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        channel = self._channel_gate(x)
        if self.mode == "parallel":
            spatial = self._spatial_gate(x)
            outputs = x * (channel + spatial)
        else:
            refined = x * channel
            spatial = self._spatial_gate(refined)
            outputs = refined * spatial
        attention = {"channel": channel, "spatial": spatial}
        return self._outputs(outputs, attention, return_attention)

    def compute_attention_shape(self, input_shape):
        return {
            "channel": data_formats.pooled(input_shape, self.data_format),
            "spatial": data_formats.with_channels(
                input_shape, 1, self.data_format
            ),
        }

    def _channel_gate(self, x):
        channels, positions = self._axes
        z = self._merged(x)
        query = calls.pointwise(self.channel_query, z, channels)
        query = reductions.softmax(query, positions)
        # The value is linear: its mean is the value of the mean.
        mean = reductions.group_dot(z, query, positions)
        mean = calls.dense(self.channel_value, self._vectors(mean))
        if self.mode == "sequential":
            mean = calls.dense(self.reduce, mean)
            mean = elementwise.relu(self._layer_norm(mean))
        gate = elementwise.sigmoid(calls.dense(self.expand, mean))
        axes = data_formats.spatial_axes(self.data_format, 4)
        return reshaping.gate_of_channels(gate, x, axes)

    def _spatial_gate(self, x):
        channels, positions = self._axes
        z = self._merged(x)
        mean = reductions.upcast_mean(z, (positions,))
        query = calls.dense(self.spatial_query, mean)
        if self.mode == "parallel":
            scores = self._products(z, query)
            scores = reductions.softmax(scores, positions)
        else:
            value = calls.pointwise(self.spatial_value, z, channels)
            value = reductions.softmax(value, positions)
            query = reshaping.expand_dims(query, (positions,))
            scores = reductions.group_dot(value, query, channels)
        gate = precision.cast(elementwise.sigmoid(scores), x.dtype)
        shape = data_formats.with_channels(
            reshaping.shape(x), 1, self.data_format
        )
        return reshaping.reshape(gate, shape)

    def _products(self, z, query):
        """Return the product of the query with the value of each position."""
        channels, positions = self._axes
        weights = calls.weights(self.spatial_value)
        if weights is None:  # quantized
            value = calls.pointwise(self.spatial_value, z, channels)
        else:
            # q (W x) is (q W) x, and q W is one vector per sample.
            kernel = precision.cast(weights[0], z.dtype)
            value, query = z, products.dense(query, ops.transpose(kernel))
        query = reshaping.expand_dims(query, (positions,))
        return reductions.group_dot(value, query, channels)

    def _layer_norm(self, vectors):
        gamma, beta = precision.cast_all((self.gamma, self.beta), vectors.dtype)
        return gamma * normalization.layer_norm(vectors, 1e-5) + beta

    def _merged(self, x):
        """Merge the spatial axes of a map, and cast it for sums over them."""
        merged = reshaping.merge_spatial_axes(x, self.data_format)
        return precision.upcast(merged)

    def _vectors(self, z):
        """Return the vectors of a merged map with one position."""
        return z[:, 0] if self.data_format == "channels_last" else z[:, :, 0]

    @property
    def _axes(self) -> tuple[int, int]:
        """Return the axes of channels and positions in a merged map."""
        axis = data_formats.channel_axis(self.data_format, 3)
        return axis, 3 - axis

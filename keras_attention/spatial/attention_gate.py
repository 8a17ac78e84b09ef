"""Attention gate of Attention U-Net (Oktay et al., 2018)."""

from typing import Unpack

import keras

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
from keras_attention.ops import products
from keras_attention.ops import reshaping
from keras_attention.ops import resizing


@keras.saving.register_keras_serializable(package="keras_attention")
class AttentionGate(Attention, KernelLayer):
    r"""Attention gate of Attention U-Net: gates a skip connection.

    .. math::

        f = \mathrm{relu}(\mathrm{BN}(W_\theta x + b_\theta) +
        \mathrm{BN}(W_\phi g + b_\phi)), \qquad
        a = \sigma(\mathrm{BN}(w_\psi f + b_\psi)), \qquad
        y_{p,c} = a_p\, x_{p,c}

    where :math:`x` is the map of a skip connection, :math:`g` is the gating
    signal, a map of the decoder, :math:`\mathrm{BN}` is batch normalization and
    :math:`\sigma` the logistic sigmoid. :math:`W_\theta`, :math:`W_\phi` and
    :math:`w_\psi` are point-wise convolutions, the first two to :math:`m`
    channels and the last one to one.

    With `grid=True` the layer is the grid gate of the authors' code, whose
    gating signal may have any size:

    .. math::

        f = \mathrm{relu}(\theta * x + R(W_\phi g + b_\phi)), \qquad
        a = R(\sigma(w_\psi f + b_\psi)), \qquad
        y = \mathrm{BN}(W (a\, x) + b)

    where :math:`\theta *` is a convolution of windows of 2 positions along each
    axis, with a step of 2, and :math:`R` resizes a map linearly: the first to
    the size of :math:`\theta * x`, the second to the size of :math:`x`.

    In a U-Net the layer is inserted in each skip connection, before the
    concatenation: `gate(skip, decoder)`. The inputs can have any number of
    spatial axes: signals, images and volumes are accepted.

    Args:
        hidden_units: Number :math:`m` of channels of :math:`f`. `None` is half
            the number of channels of `x`, and at least 1.
        grid: Whether the layer is the grid gate.
        kernel_initializer: Initializer of all kernels. The default is
            PyTorch's, uniform within :math:`\pm 1 / \sqrt{\text{inputs}}`.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor with one batch axis, one channel axis and at least one
            spatial axis. The number of channels must be known.
        gating: Float tensor of the same rank. It may have another number of
            channels, which must be known, and with `grid=True` other spatial
            sizes.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`, for
        both inputs.

    Output shape:
        The shape of `x`. `attention` is the gate :math:`a`, of this shape with
        one channel.

    Raises:
        ValueError: If an argument is not as described above, if the inputs have
            no spatial axis, a number of channels that is unknown or differs
            from that of the first call, or different ranks, or if they differ
            in size without `grid=True`.

    Example:

    >>> skip = keras.random.normal((2, 8, 8, 64))
    >>> decoder = keras.random.normal((2, 8, 8, 128))
    >>> layer = keras_attention.AttentionGate()
    >>> tuple(layer(skip, decoder).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(skip, decoder).shape)
    (2, 8, 8, 1)

    Reference:
        `Attention U-Net: Learning Where to Look for the Pancreas
        <https://arxiv.org/abs/1804.03999>`_, equations 1 and 2.

    Note:
        Without `grid` the layer is the widely used one, as in MONAI, with batch
        normalization that neither the paper nor the authors' code has. With
        `grid=True` a spatial size of 1 is followed by a zero, as :math:`\theta`
        needs two positions. Biases are initialized to zero; PyTorch initializes
        them like the kernels.
    """

    card = Card(
        operation="scales positions of a skip connection: `layer(x, gating)`",
        insertion="in the skip connections of a U-Net, before a concatenation",
        limits=(
            "It needs a second map, the gating signal. In a network without "
            "skip connections, use `SpatialAttention`."
        ),
        papers=("1804.03999",),
        attention="spatial",
        short_names=("ag",),
        call="AttentionGate()",
        parameters="2 * C * m + 7 * m + 3",
        multiply_adds="H * W * (2 * C * m + m + C)",
        symbols={"m": "C // 2"},
        layouts=("monai", "official"),
    )

    def __init__(
        self,
        hidden_units: int | None = None,
        *,
        grid: bool = False,
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
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.grid = validation.boolean("grid", grid)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)
        self._axis = data_formats.any_rank_axis(self.data_format)

    def build(self, x_shape, gating_shape):
        channels = self._channels(x_shape)
        self._gating_channels = data_formats.channel_count(
            gating_shape, self.data_format
        )
        self._check_gating(x_shape, gating_shape)
        hidden = validation.units(channels, 2, self.hidden_units)
        if self.grid:
            self.theta = self.add_weight(
                (*[2] * (len(x_shape) - 2), channels, hidden),
                self._new_initializer(),
                regularizer=self.kernel_regularizer,
                name="theta",
            )
        else:
            self.theta = self._dense("theta", hidden, channels)
        self.phi = self._dense("phi", hidden, self._gating_channels)
        self.psi = self._dense("psi", 1, hidden)
        if self.grid:
            self.out = self._dense("out", channels, channels)
            self.out_norm = self._batch_norm("out_norm", channels, self._axis)
        else:
            self.theta_norm = self._batch_norm("theta_norm", hidden, self._axis)
            self.phi_norm = self._batch_norm("phi_norm", hidden, self._axis)
            self.psi_norm = self._batch_norm("psi_norm", 1, self._axis)

    def call(self, x, gating, training=None, return_attention=False):
        self._check_gating(x.shape, gating.shape)
        x, gating = self._as_float(x), self._as_float(gating)
        attention = self.compute_attention(x, gating, training=training)
        outputs = self.apply_attention(x, attention, training=training)
        return self._outputs(outputs, attention, return_attention)

    def compute_attention(self, x, gating, training=None):
        compute = self._grid_gate if self.grid else self._gate
        attention = compute(
            precision.upcast_float16(x),
            precision.upcast_float16(gating),
            training,
        )
        return precision.cast(attention, x.dtype)

    def apply_attention(self, x, attention, training=None):
        gated = x * attention
        if not self.grid:
            return gated
        outputs = calls.pointwise_batch_norm(
            self.out, self.out_norm, self._merge(gated), training, self._axis
        )
        return self._split(outputs, self._size(x))

    def compute_output_shape(self, x_shape, gating_shape):
        return tuple(x_shape)

    def compute_attention_shape(self, x_shape, gating_shape):
        return data_formats.with_channels(x_shape, 1, self.data_format)

    def _gate(self, x, gating, training):
        """Return the gate from two maps of one size."""
        f = elementwise.relu(
            self._apply(self.theta, self.theta_norm, self._merge(x), training)
            + self._apply(
                self.phi, self.phi_norm, self._merge(gating), training
            )
        )
        a = self._apply(self.psi, self.psi_norm, f, training)
        return self._split(elementwise.sigmoid(a), self._size(x))

    def _grid_gate(self, x, gating, training):
        """Return the gate from a gating signal of any size."""
        size = reshaping.half_sizes(reshaping.shape(x), self.data_format)
        theta = precision.cast(self.theta, x.dtype)
        theta = reshaping.reshape(theta, (-1, theta.shape[-1]))
        blocks = reshaping.blocks_to_channels(x, self.data_format)
        phi = calls.pointwise(self.phi, self._merge(gating), self._axis)
        phi = self._resize(self._split(phi, self._size(gating)), size)
        f = elementwise.relu(
            products.pointwise(blocks, theta, None, axis=self._axis)
            + self._merge(phi)
        )
        a = elementwise.sigmoid(calls.pointwise(self.psi, f, self._axis))
        return self._resize(self._split(a, size), self._size(x))

    def _apply(self, layer, norm, x, training):
        return calls.pointwise_batch_norm(layer, norm, x, training, self._axis)

    def _size(self, x):
        return data_formats.spatial_size(reshaping.shape(x), self.data_format)

    def _merge(self, x):
        return reshaping.merge_spatial_axes(x, self.data_format)

    def _split(self, x, size):
        return reshaping.split_spatial_axis(x, size, self.data_format)

    def _resize(self, x, size):
        return resizing.resize_linear(
            x, size, align_corners=False, data_format=self.data_format
        )

    def _check_gating(self, x_shape, gating_shape) -> None:
        """Raise an error if the gating signal does not fit to the map."""
        x_shape, gating_shape = tuple(x_shape), tuple(gating_shape)
        received = f"Received: x_shape={x_shape}, gating_shape={gating_shape}"
        if len(x_shape) != len(gating_shape):
            raise ValueError(
                f"`x` and `gating` must have the same rank. {received}"
            )
        axis = data_formats.channel_axis(self.data_format, len(x_shape))
        if gating_shape[axis] not in (None, self._gating_channels):
            raise ValueError(
                f"`gating` must have {self._gating_channels} channels. "
                f"{received}"
            )
        sizes = zip(
            data_formats.spatial_size(x_shape, self.data_format),
            data_formats.spatial_size(gating_shape, self.data_format),
            strict=True,
        )
        if not self.grid and any(
            a != b and None not in (a, b) for a, b in sizes
        ):
            raise ValueError(
                "`x` and `gating` must have the same spatial sizes, unless "
                f"`grid=True`. {received}"
            )

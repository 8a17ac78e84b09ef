"""Convolutional Block Attention Module (Woo et al., 2018)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.channel import ChannelAttention
from keras_attention.spatial import SpatialAttention


@keras.saving.register_keras_serializable(package="keras_attention")
class CBAM(Attention, KernelLayer):
    r"""Convolutional block attention module (CBAM).

    .. math::

        x' = M_c(x)\, x, \qquad y = M_s(d)\, x'

    where :math:`M_c` is the gate of `keras_attention.ChannelAttention`,
    :math:`M_s` that of `keras_attention.SpatialAttention`, and :math:`d` is
    :math:`x` or :math:`x'`, as `spatial_input` says.

    The defaults are those of the TensorFlow reference implementation, whose
    spatial gate is computed from the original input. The module of the paper
    and of the authors' published networks is `CBAM(16, spatial_input="refined",
    spatial_norm=True)`. In a residual network the layer is inserted after the
    last batch normalization of a branch, before the addition.

    Args:
        reduction: Integer :math:`r \ge 1`: the channel gate has
            `max(1, channels // reduction)` hidden units. The TensorFlow
            reference implementation has a `ratio` that multiplies: `ratio=0.5`
            is `reduction=2`, and any `ratio` is `hidden_units=int(channels *
            ratio)`.
        hidden_units: Number of hidden units; overrides `reduction`.
        kernel_size: Side of the square window of the spatial gate.
        spatial_input: The input of the spatial gate: `"original"` for
            :math:`x`, or `"refined"` for the channel-gated :math:`x'`.
        spatial_norm: Whether the spatial gate has batch normalization instead
            of a bias.
        use_bias: Whether the dense layers of the channel gate have biases.
        kernel_initializer: Initializer of all kernels.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`.

    Call arguments:
        x: Float tensor of rank 4. The number of channels must be known.
        training: Whether batch normalization, if there is any, uses the
            statistics of the batch and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is a dictionary: under `"channel"` the gate
        :math:`M_c`, of the input shape with height and width 1, under
        `"spatial"` the gate :math:`M_s`, of the input shape with one channel.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.CBAM()
    >>> y, attention = layer(x, return_attention=True)
    >>> tuple(y.shape)
    (2, 8, 8, 64)
    >>> tuple(attention["channel"].shape), tuple(attention["spatial"].shape)
    ((2, 1, 1, 64), (2, 8, 8, 1))

    Reference:
        `CBAM: Convolutional Block Attention Module
        <https://arxiv.org/abs/1807.06521>`_, equations 1 to 3.

    Note:
        With `spatial_input="refined"` the layer is that of the paper. The
        initialization differs from the authors' networks, where the kernel of
        the convolution is initialized by a normal distribution scaled by
        fan-out, and the dense layers as in PyTorch.
    """

    card = Card(
        operation="scales channels, then positions",
        insertion="at the end of a residual branch",
        limits=(
            "It passes over the map about twice as often as `SqueezeExcite`. "
            "If positions do not matter, use `SqueezeExcite`."
        ),
        papers=("1807.06521",),
        attention={"channel": "channel", "spatial": "spatial"},
        call="CBAM(16)",
        parameters="2 * C * h + h + C + 2 * k**2 + 1",
        multiply_adds="4 * C * h + 2 * k**2 * H * W + 2 * H * W * C",
        symbols={"h": "C // 16", "k": "7"},
        gain="ImageNet top-1 error of ResNet-50 24.56 → 22.66",
        layouts=("official", "timm", "tensorflow"),
    )

    def __init__(
        self,
        reduction: int = 2,
        *,
        hidden_units: int | None = None,
        kernel_size: int = 7,
        spatial_input: str = "original",
        spatial_norm: bool = False,
        use_bias: bool = True,
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
        self.reduction = validation.positive_integer("reduction", reduction)
        self.hidden_units = validation.optional_positive_integer(
            "hidden_units", hidden_units
        )
        self.kernel_size = validation.positive_integer(
            "kernel_size", kernel_size
        )
        self.spatial_input = validation.one_of(
            "spatial_input", spatial_input, ("original", "refined")
        )
        self.spatial_norm = validation.boolean("spatial_norm", spatial_norm)
        self.use_bias = validation.boolean("use_bias", use_bias)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._channels(input_shape)
        shared = {
            "kernel_initializer": self.kernel_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }
        self.channel = ChannelAttention(
            self.reduction,
            hidden_units=self.hidden_units,
            use_bias=self.use_bias,
            name="channel",
            **shared,
        )
        self.spatial = SpatialAttention(
            self.kernel_size,
            use_norm=self.spatial_norm,
            name="spatial",
            **shared,
        )
        self.channel.build(input_shape)
        self.spatial.build(input_shape)

    def call(self, x, training=None, return_attention=False):
        x = self._as_float(x)
        channel = self.channel.compute_attention(x)
        if self.spatial_input == "original":
            # Computed first, so that a training step keeps one map less in
            # memory.
            spatial = self.spatial.compute_attention(x, training=training)
            refined = self.channel.apply_attention(x, channel)
        else:
            refined = self.channel.apply_attention(x, channel)
            spatial = self.spatial.compute_attention(refined, training=training)
        outputs = self.spatial.apply_attention(refined, spatial)
        attention = {"channel": channel, "spatial": spatial}
        return self._outputs(outputs, attention, return_attention)

    def compute_attention_shape(self, input_shape):
        return {
            "channel": self.channel.compute_attention_shape(input_shape),
            "spatial": self.spatial.compute_attention_shape(input_shape),
        }

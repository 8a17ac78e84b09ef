"""Gated Channel Transformation (Yang et al., 2020)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class GatedChannelTransform(Attention, MapLayer):
    r"""Gated channel transformation (GCT).

    .. math::

        s_c = \alpha_c \Bigl(\sum_{p \in S} x_{p,c}^2 + \epsilon\Bigr)^{1/2},
        \qquad
        \hat s_c = \gamma_c\, s_c \Bigl(\frac{1}{C} \sum_{k=1}^{C} s_k^2
        + \epsilon\Bigr)^{-1/2}, \qquad
        y_{p,c} = \bigl(1 + \tanh(\hat s_c + \beta_c)\bigr)\, x_{p,c}

    where :math:`S` is the set of spatial positions and :math:`\alpha`,
    :math:`\gamma` and :math:`\beta` are the only weights, with one value of
    each per channel. With `mode="l1"` both norms are sums of absolute values:

    .. math::

        s_c = \alpha_c \sum_{p \in S} |x_{p,c}|, \qquad
        \hat s_c = \gamma_c\, s_c \Bigl(\frac{1}{C} \sum_{k=1}^{C} |s_k|
        + \epsilon\Bigr)^{-1}

    With its initial weights (:math:`\alpha = 1, \gamma = \beta = 0`) the layer
    is exactly the identity, so it can be inserted into a trained network. The
    authors insert one before each convolution, and advise against weight decay
    on :math:`\beta`.

    The norms are computed in float32 or float64, whatever the dtype of the
    input, because sums of squares overflow in float16.

    Args:
        mode: The norm of a channel, `"l2"` or `"l1"`.
        epsilon: Positive number :math:`\epsilon` that prevents a division by
            zero.
        after_relu: Whether the inputs are known to be non-negative. If so,
            `mode="l1"` does not compute the absolute value :math:`|x_{p,c}|`.
            There is no effect on `mode="l2"`.
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
        The input shape. `attention` is the gate :math:`1 + \tanh(\cdot)`, from
        0 to 2, of the input shape with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has no spatial axis or an unknown number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.GatedChannelTransform()
    >>> bool(keras.ops.all(layer(x) == x))
    True
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        `Gated Channel Transformation for Visual Recognition
        <https://arxiv.org/abs/1909.11519>`_, section 3.

    Note:
        The paper divides by the root of the *sum* of squares over channels and
        multiplies by :math:`\sqrt C`. Like the authors' code, this layer takes
        the mean, which is equivalent except for :math:`\epsilon`.

        With `mode="l2"` the sum of :math:`s_k^2` over the channels must be in
        the range of float32. For :math:`\alpha = 1` and maps of height
        :math:`H` and width :math:`W` this holds if no value is larger than
        :math:`1.8 \cdot 10^{19} / \sqrt{H W C}`: :math:`4 \cdot 10^{16}` for 56
        x 56 x 64. With `mode="l1"` the limit is :math:`3.4 \cdot 10^{38} / (H W
        C)`.
    """

    card = Card(
        operation="scales channels, from their normalized energies",
        insertion=(
            "before one convolution or before each; starts as the identity"
        ),
        limits=(
            "It is meant for every convolution, and passes over the map "
            "before each: one `SqueezeExcite` for each block is faster."
        ),
        papers=("1909.11519",),
        attention="channel",
        short_names=("gct",),
        call="GatedChannelTransform()",
        parameters="3 * C",
        multiply_adds="2 * H * W * C + 3 * C",
        gain="ImageNet top-1 accuracy of ResNet-50 76.2 → 77.3",
        layouts=("official",),
    )

    def __init__(
        self,
        mode: str = "l2",
        *,
        epsilon: float = 1e-5,
        after_relu: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.mode = validation.one_of("mode", mode, ("l1", "l2"))
        self.epsilon = validation.positive_number("epsilon", epsilon)
        self.after_relu = validation.boolean("after_relu", after_relu)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.alpha = self._precise_vector("alpha", channels, "ones")
        self.gamma = self._precise_vector("gamma", channels, "zeros")
        self.beta = self._precise_vector("beta", channels, "zeros")

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        x32 = precision.upcast(x)
        alpha, gamma, beta = precision.cast_all(
            (self.alpha, self.gamma, self.beta), x32.dtype
        )
        if self.mode == "l2":
            energy = reductions.reduce_sum(ops.square(x32), axes)
            s = alpha * ops.sqrt(energy + self.epsilon)
            mean = reductions.upcast_mean(ops.square(s), (-1,), keepdims=True)
            norm = ops.sqrt(mean + self.epsilon)
        else:
            magnitude = x32 if self.after_relu else ops.abs(x32)
            s = alpha * reductions.reduce_sum(magnitude, axes)
            mean = reductions.upcast_mean(ops.abs(s), (-1,), keepdims=True)
            norm = mean + self.epsilon
        # 1 + tanh(z) = 2 sigmoid(2 z). On JAX `ops.tanh` narrows float64.
        gate = 2 * elementwise.sigmoid(2 * (gamma * s / norm + beta))
        return reshaping.gate_of_channels(gate, x, axes)

"""Efficient channel attention, ECA (Wang et al., 2020)."""

import math
from typing import Any
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.ops import convolution
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class EfficientChannelAttention(Attention, KernelLayer):
    r"""Efficient channel attention (ECA): a convolution over the channels.

    .. math::

        z_c = \frac{1}{|S|} \sum_{p \in S} x_{p,c}, \qquad
        s_c = \sigma\Bigl(\sum_{i=1}^{k} w_i\, z_{c + i - (k + 1) / 2}\Bigr),
        \qquad
        y_{p,c} = s_c\, x_{p,c}

    where :math:`S` is the set of spatial positions, :math:`\sigma` is
    `gate_activation`, and :math:`w \in \mathbb{R}^k` are the only weights. The
    gate of a channel depends on the :math:`k` nearest channels. :math:`z` is
    zero beyond the first and the last channel, or circular.

    The input can have any number of spatial axes: signals, images and volumes
    are accepted. In a residual network the layer is inserted after the last
    batch normalization of a branch, before the addition.

    Args:
        kernel_size: Odd number :math:`k` of channels that a gate depends on.
            `None` takes it from the number :math:`C` of channels, by the rule
            of the paper: with :math:`t = \lfloor |\log_2 C + 1| / 2 \rfloor`,
            :math:`k` is :math:`t` if that is odd, else :math:`t + 1`, and at
            least 3. It is 3 for 64 channels, 5 for 128 to 1024, and 7 for 2048.
        circular: Whether the first channel is next to the last one (cECA of
            timm). Otherwise there are zeros around the channels.
        gate_activation: Activation :math:`\sigma` of the gate.
        kernel_initializer: Initializer of :math:`w`. The default is PyTorch's
            for convolutions, uniform within :math:`\pm 1 / \sqrt k`.
        kernel_regularizer: Regularizer of :math:`w`.
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
        The input shape. `attention` is the gate :math:`s`, of the input shape
        with every spatial size 1.

    Raises:
        ValueError: If an argument is not as described above, if the input has
            no spatial axis or an unknown number of channels, or if half of a
            circular kernel is larger than the number of channels.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.EfficientChannelAttention()
    >>> tuple(layer(x).shape)
    (2, 8, 8, 64)
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)
    >>> layer.count_params()
    3

    Reference:
        `ECA-Net: Efficient Channel Attention for Deep Convolutional Neural
        Networks <https://arxiv.org/abs/1910.03151>`_, equations 9 and 12.

    Note:
        The networks that the authors published do not follow the rule of the
        paper: the kernels of the four stages of their ResNet-50 have 3, 5, 5
        and 7 weights, and the rule gives 5, 5, 5 and 7.
        `keras_attention.load_reference_weights` gives a layer that is not built
        yet the kernel size of the weights, unless it has another `kernel_size`.
    """

    card = Card(
        operation="scales channels, from the means of neighboring channels",
        insertion="at the end of a residual branch",
        limits=(
            "A weight depends on a few neighboring channels only. For a "
            "context of all channels, use `SqueezeExcite`."
        ),
        papers=("1910.03151",),
        attention="channel",
        short_names=("eca",),
        short_forms={"ceca": {"circular": True}},
        call="EfficientChannelAttention(kernel_size=k)",
        parameters="k",
        multiply_adds="k * C + H * W * C",
        symbols={"k": "5"},
        gain="ImageNet top-1 accuracy of ResNet-50 75.20 → 77.48",
        layouts=("official", "timm"),
    )

    def __init__(
        self,
        kernel_size: int | None = None,
        *,
        circular: bool = False,
        gate_activation: Activation = "sigmoid",
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
        self.kernel_size = validation.optional_positive_integer(
            "kernel_size", kernel_size
        )
        if self.kernel_size and self.kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be odd, so that the kernel has a middle. "
                f"Received: kernel_size={kernel_size}"
            )
        self.circular = validation.boolean("circular", circular)
        self.gate_activation = validation.activation(
            "gate_activation", gate_activation
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)
        self._given_kernel: Any = None

    def give_kernel(self, kernel: Any) -> None:
        """Give a layer that is not built yet its kernel, and so its size.

        Args:
            kernel: Array of the shape `(kernel_size, 1, 1)`.
        """
        self.kernel_size = len(kernel)
        self._given_kernel = kernel.astype("float64")  # no dtype of a backend

    def build(self, input_shape):
        channels = self._channels(input_shape)
        size = self.kernel_size or _size_for(channels)
        if self.circular and size // 2 > channels:
            raise ValueError(
                f"`kernel_size` must be at most {2 * channels + 1}, as half of "
                f"it must not exceed the {channels} channels if "
                f"`circular=True`. Received: kernel_size={self.kernel_size}"
            )
        self.kernel = self.add_weight(
            (size, 1, 1),
            self._new_initializer()
            if self._given_kernel is None
            else keras.initializers.Constant(self._given_kernel),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )

    def compute_attention(self, x, training=None):
        axes = data_formats.spatial_axes(self.data_format, len(x.shape))
        z = precision.upcast_float16(reductions.upcast_mean(x, axes))
        scores = self._convolve(z, precision.cast(self.kernel, z.dtype))
        s = elementwise.activate(self.gate_activation, scores)
        return reshaping.gate_of_channels(s, x, axes)

    def _convolve(self, z, kernel):
        """Return the products of the kernel with the neighbors of channels."""
        half = kernel.shape[0] // 2
        channels = z.shape[1]
        if self.circular:
            z = ops.concatenate([z[:, channels - half :], z, z[:, :half]], 1)
        # The means are convolved as a map of one row and one channel. With sums
        # of shifted vectors instead, XLA would compute the gradient anew for
        # each position of the map.
        outputs = convolution.conv2d(
            reshaping.expand_dims(z, (1, 3)),
            reshaping.expand_dims(kernel, (0,)),
            None,
            strides=1,
            padding="valid" if self.circular else "same",
            dilation_rate=1,
            data_format="channels_last",
        )
        return reshaping.reshape(outputs, (-1, channels))


def _size_for(channels: int) -> int:
    """Return the kernel size for a number of channels, by the paper's rule."""
    t = int(abs(math.log2(channels) + 1) / 2)
    return max(t if t % 2 else t + 1, 3)

"""Iterative attentional feature fusion, iAFF (Dai et al., 2021)."""

from typing import Unpack

import keras

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.context import branch
from keras_attention._base.context import weigh
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.fusion._pair import add
from keras_attention.fusion._pair import common_shape
from keras_attention.ops import elementwise


@keras.saving.register_keras_serializable(package="keras_attention")
class IterativeAttentionalFeatureFusion(Attention, KernelLayer):
    r"""Iterative attentional feature fusion (iAFF) of two feature maps.

    .. math::

        w_1 = M_1(x + r), \qquad
        m = w_1 x + (1 - w_1)\, r, \qquad
        w_2 = M_2(m), \qquad
        y = w_2\, x + (1 - w_2)\, r

    where :math:`x` is a branch, :math:`r` the `residual`, and :math:`M_1` and
    :math:`M_2` are gates of the form of
    `keras_attention.MultiScaleChannelAttention`.

    In a residual network the layer replaces the addition, before the
    last ReLU of the block: `fuse(branch, shortcut)`. The inputs can have any
    number of spatial axes.

    Args:
        reduction: Integer :math:`r \ge 1`: each context of a gate has
            `max(1, channels // reduction)` hidden units. The authors use 4 in
            small networks and 16 in bottleneck blocks.
        hidden_units: Number of hidden units; overrides `reduction`.
        share_global: Whether both gates use the same global context. Set `True`
            for weights that were trained with the widely used PyTorch code,
            which makes a second global context and never uses it. Batch
            normalization of the shared context then updates its statistics
            twice in a training step. The gates of the authors' MXNet code share
            no weights.
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
        residual: Float tensor of the same shape.
        training: Whether batch normalization uses the statistics of the batch
            and updates its moving statistics.
        return_attention: Whether to return `(outputs, attention)`.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`, for
        both inputs.

    Output shape:
        The shape of either input. `attention` is the second weight :math:`w_2`
        of `x`, of the same shape.

    Raises:
        ValueError: If an argument is not as described above, if the inputs
            differ in shape, or if they have no spatial axis or an unknown
            number of channels.

    Example:

    >>> branch = keras.random.normal((2, 8, 8, 64))
    >>> shortcut = keras.random.normal((2, 8, 8, 64))
    >>> fuse = keras_attention.IterativeAttentionalFeatureFusion(reduction=4)
    >>> tuple(fuse(branch, shortcut).shape)
    (2, 8, 8, 64)
    >>> tuple(fuse.attention(branch, shortcut).shape)
    (2, 8, 8, 64)

    Reference:
        `Attentional Feature Fusion <https://arxiv.org/abs/2009.14082>`_,
        equations 4 and 5.

    Note:
        As in the authors' code, there is no factor 2, which
        `keras_attention.AttentionalFeatureFusion` has. The note on batches of
        one sample and on biases in `keras_attention.MultiScaleChannelAttention`
        also applies to this layer.
    """

    card = Card(
        operation="fuses two maps in two passes: `layer(x, residual)`",
        insertion="in place of an addition",
        limits=(
            "It takes twice the time of `AttentionalFeatureFusion`, which is "
            "only a little worse in the paper."
        ),
        papers=("2009.14082",),
        attention="fusion",
        short_names=("iaff",),
        call="IterativeAttentionalFeatureFusion()",
        parameters="8 * C * h + 12 * h + 12 * C",
        multiply_adds="4 * C * h * (H * W + 1) + 4 * H * W * C",
        symbols={"h": "C // 4"},
        gain=(
            "ImageNet top-1 error 20.2 with 35.1 million parameters (iAFF-"
            "ResNet-50)"
        ),
        layouts=("official",),
    )

    def __init__(
        self,
        reduction: int = 4,
        *,
        hidden_units: int | None = None,
        share_global: bool = False,
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
        self.share_global = validation.boolean("share_global", share_global)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, x_shape, residual_shape):
        channels = self._channels(common_shape(x_shape, residual_shape))
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.local_context = branch(self, "local_context", channels, hidden)
        self.global_context = branch(self, "global_context", channels, hidden)
        self.second_local_context = branch(
            self, "second_local_context", channels, hidden
        )
        self.second_global_context = (
            self.global_context
            if self.share_global
            else branch(self, "second_global_context", channels, hidden)
        )

    def call(self, x, residual, training=None, return_attention=False):
        common_shape(x.shape, residual.shape)
        x, residual = self._as_float(x), self._as_float(residual)
        attention = self.compute_attention(x, residual, training=training)
        outputs = self.apply_attention(x, residual, attention)
        return self._outputs(outputs, attention, return_attention)

    def compute_attention(self, x, residual, training=None):
        first = weigh(
            add(x, residual),
            self.local_context,
            self.global_context,
            training,
        )
        return weigh(
            self.apply_attention(x, residual, first),
            self.second_local_context,
            self.second_global_context,
            training,
        )

    def apply_attention(self, x, residual, attention):
        """Return the mean of `x` and `residual`, weighted by `attention`."""
        return elementwise.lerp(x, residual, attention)

    def compute_output_shape(self, x_shape, residual_shape):
        return common_shape(x_shape, residual_shape)

    def compute_attention_shape(self, x_shape, residual_shape):
        return tuple(x_shape)

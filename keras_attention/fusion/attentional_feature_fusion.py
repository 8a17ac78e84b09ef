"""Attentional feature fusion, AFF (Dai et al., 2021)."""

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
class AttentionalFeatureFusion(Attention, KernelLayer):
    r"""Attentional feature fusion (AFF) of two feature maps.

    .. math::

        w = M(x + r), \qquad y = 2\, w\, x + 2\, (1 - w)\, r

    where :math:`x` is a branch, :math:`r` the `residual`, and :math:`M` is the
    gate of `keras_attention.MultiScaleChannelAttention`. At :math:`w = 1/2` the
    output is the sum of the inputs, as of `keras.layers.Add`, which the authors
    call direct additive fusion (DAF).

    In a residual network the layer replaces the addition, before the
    last ReLU of the block: `fuse(branch, shortcut)`. The layer also fuses any
    other two maps of the same shape, such as two scales of a feature pyramid.
    The inputs can have any number of spatial axes.

    Args:
        reduction: Integer :math:`r \ge 1`: each context of :math:`M` has
            `max(1, channels // reduction)` hidden units. The authors use 4 in
            small networks and 16 in bottleneck blocks.
        hidden_units: Number of hidden units; overrides `reduction`.
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
        The shape of either input. `attention` is the weight :math:`w` of `x`,
        of the same shape.

    Raises:
        ValueError: If an argument is not as described above, if the inputs
            differ in shape, or if they have no spatial axis or an unknown
            number of channels.

    Example:

    >>> branch = keras.random.normal((2, 8, 8, 64))
    >>> shortcut = keras.random.normal((2, 8, 8, 64))
    >>> fuse = keras_attention.AttentionalFeatureFusion(reduction=4)
    >>> tuple(fuse(branch, shortcut).shape)
    (2, 8, 8, 64)
    >>> tuple(fuse.attention(branch, shortcut).shape)
    (2, 8, 8, 64)

    Reference:
        `Attentional Feature Fusion <https://arxiv.org/abs/2009.14082>`_,
        equation 4.

    Note:
        The factor 2 is taken from the authors' code.
        `keras_attention.IterativeAttentionalFeatureFusion` has no such factor,
        as in the authors' code. The note on batches of one sample and on biases
        in `keras_attention.MultiScaleChannelAttention` also applies to this
        layer.
    """

    card = Card(
        operation="fuses two maps: `layer(x, residual)`",
        insertion="in place of an addition",
        limits=(
            "The maps must have the same shape. An addition takes far less "
            "time."
        ),
        papers=("2009.14082",),
        attention="fusion",
        short_names=("aff",),
        call="AttentionalFeatureFusion()",
        parameters="4 * C * h + 6 * h + 6 * C",
        multiply_adds="2 * C * h * (H * W + 1) + 2 * H * W * C",
        symbols={"h": "C // 4"},
        gain=(
            "ImageNet top-1 error 20.3 with 30.3 million parameters (AFF-"
            "ResNet-50)"
        ),
        layouts=("official",),
    )

    def __init__(
        self,
        reduction: int = 4,
        *,
        hidden_units: int | None = None,
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
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, x_shape, residual_shape):
        channels = self._channels(common_shape(x_shape, residual_shape))
        hidden = validation.units(channels, self.reduction, self.hidden_units)
        self.local_context = branch(self, "local_context", channels, hidden)
        self.global_context = branch(self, "global_context", channels, hidden)

    def call(self, x, residual, training=None, return_attention=False):
        common_shape(x.shape, residual.shape)
        x, residual = self._as_float(x), self._as_float(residual)
        attention = self.compute_attention(x, residual, training=training)
        outputs = self.apply_attention(x, residual, attention)
        return self._outputs(outputs, attention, return_attention)

    def compute_attention(self, x, residual, training=None):
        return weigh(
            add(x, residual),
            self.local_context,
            self.global_context,
            training,
        )

    def apply_attention(self, x, residual, attention):
        """Return twice the weighted mean of `x` and `residual`."""
        return 2 * elementwise.lerp(x, residual, attention)

    def compute_output_shape(self, x_shape, residual_shape):
        return common_shape(x_shape, residual_shape)

    def compute_attention_shape(self, x_shape, residual_shape):
        return tuple(x_shape)

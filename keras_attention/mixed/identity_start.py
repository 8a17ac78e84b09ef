"""Wrapper that starts a layer as the identity (LayerScale, ReZero)."""

import inspect
from typing import Any
from typing import Unpack

import keras
from keras import ops

from keras_attention._base.attention import Attention
from keras_attention._base.card import Card
from keras_attention._base.layer import MapLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention.ops import elementwise
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class IdentityStart(Attention, MapLayer):
    r"""Wraps a layer so that it starts as the identity (LayerScale, ReZero).

    .. math::

        y_{p,c} = x_{p,c} + s_c\, (f(x)_{p,c} - x_{p,c})

    where :math:`f` is `layer` and :math:`s \in \mathbb{R}^C` is a learned
    scale that starts at :math:`s = 0`. The output at the start is exactly the
    input (except for the sign of a zero), for any weights of :math:`f` and even
    where :math:`f(x)` is infinite or NaN. At :math:`s = 1` it is the output of
    :math:`f`. A trained network with such a layer inserted computes what it
    computed before. The first step of training changes :math:`s`, the second
    step the weights of :math:`f` too.

    `keras_attention.attach` wraps the attention layers that it inserts. Do not
    wrap a layer that is the identity at the start by itself, such as
    `keras_attention.GatedChannelTransform`: neither its weights nor the scale
    would ever get a gradient. `attach` does not wrap such layers.

    Args:
        layer: Layer :math:`f`, of one input, that keeps the shape.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`. It does not change that of
            `layer`.
        **kwargs: Keyword arguments of `keras.layers.Layer`, such as `name` and
            `dtype`. The dtype policy of `layer` is its own.

    Call arguments:
        x: Float tensor with a batch axis and a channel axis, and any others
            that `layer` accepts. The number of channels must be known.
        training: Whether `layer` is run in training mode.
        return_attention: Whether to return `(outputs, attention)`. `layer`
            must support it.

    Input shape:
        `(batch, *spatial, channels)` if `data_format="channels_last"`,
        `(batch, channels, *spatial)` if `data_format="channels_first"`.

    Output shape:
        The input shape. `attention` is that of `layer`.

    Raises:
        ValueError: If an argument is not as described above, if the input has
            an unknown number of channels, or if `layer` changes its shape.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 64))
    >>> layer = keras_attention.IdentityStart(keras_attention.SqueezeExcite())
    >>> bool(keras.ops.all(layer(x) == x))
    True
    >>> tuple(layer.attention(x).shape)
    (2, 1, 1, 64)

    Reference:
        LayerScale has a scale for each channel that starts near zero: `Going
        deeper with Image Transformers <https://arxiv.org/abs/2103.17239>`_,
        equation 4. ReZero has a scale for each layer that starts at zero:
        `ReZero is All You Need <https://arxiv.org/abs/2003.04887>`_.

    Note:
        Both papers scale the branch of a residual block, :math:`x + s f(x)`.
        Here the difference :math:`f(x) - x` is scaled, as :math:`f` replaces
        the identity and is not added to it.
    """

    card = Card(
        operation="adds a scaled change by another layer, at first none",
        insertion="around a layer that is inserted into a trained network",
        limits=(
            "A new network does not need it: train the inner layer from the "
            "start."
        ),
        call="IdentityStart(layer)",
    )

    def __init__(
        self,
        layer: keras.layers.Layer,
        *,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.layer = validation.layer("layer", layer)
        self.input_spec = layer.input_spec
        self.supports_masking = layer.supports_masking

    def build(self, input_shape):
        channels = self._channels(input_shape)
        # The layer is called, as a call is the only way to build some layers.
        inputs = keras.KerasTensor(input_shape, self.compute_dtype)
        shape = getattr(self.layer(inputs), "shape", None)
        if shape is None or tuple(shape) != tuple(input_shape):
            raise ValueError(
                "`layer` must keep the shape of its input. Received: "
                f"layer={self.layer}, input_shape={tuple(input_shape)}, "
                f"layer.output_shape={shape}"
            )
        self.scale = self._precise_vector("scale", channels, "zeros")

    def call(self, x, training=None, return_attention=False):
        x, kwargs = self._as_float(x), self._training_argument(training)
        if not return_attention:
            return self.apply_attention(x, self.layer(x, **kwargs))
        self._require_attention()
        outputs, attention = self.layer(x, return_attention=True, **kwargs)
        attention = keras.tree.map_structure(
            lambda weights: ops.cast(weights, x.dtype), attention
        )
        return self.apply_attention(x, outputs), attention

    def apply_attention(self, x, attention):
        """Return `x` plus the scaled difference to the output of the layer."""
        scale = reshaping.per_channel(
            ops.convert_to_tensor(self.scale), self.data_format, len(x.shape)
        )
        return elementwise.step(x, attention, scale)

    def compute_attention_shape(self, input_shape):
        self._require_attention()
        return self.layer.compute_attention_shape(input_shape)

    def get_config(self):
        config = super().get_config()
        # `build` of this layer builds the inner one.
        config["layer"].pop("build_config", None)
        return config

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return super().from_config({**config, "layer": layer})

    def _training_argument(self, training) -> dict[str, Any]:
        """Return the keyword argument `training` if the layer takes it."""
        parameters = inspect.signature(self.layer.call).parameters
        return {"training": training} if "training" in parameters else {}

    def _require_attention(self):
        """Raise an error if the inner layer has no attention."""
        if not hasattr(self.layer, "compute_attention_shape"):
            raise ValueError(
                "`layer` must be a layer with attention for "
                f"`return_attention=True`. Received: layer={self.layer}"
            )

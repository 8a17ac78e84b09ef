"""Wrapper that starts a layer as the identity (LayerScale, ReZero)."""

import inspect
from typing import Any

import keras
from keras import ops

from keras_attention._base.layer import AttentionLayer
from keras_attention._utils import validation
from keras_attention.ops import elementwise
from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class IdentityStart(AttentionLayer):
    r"""Wraps a layer so that it starts as the identity (LayerScale, ReZero).

    .. math::

        y_{p,c} = x_{p,c} + s_c\, (f(x)_{p,c} - x_{p,c})

    where :math:`f` is `layer` and :math:`s \in \mathbb{R}^C` is learned from
    :math:`s = 0`. So the output is the input, to the last bit (but for the sign
    of a zero), whatever :math:`f` starts from, even where :math:`f(x)` is
    infinite or NaN; at :math:`s = 1` it is that of :math:`f`. A trained network
    into which the layer is put computes what it did before. The first step of
    training moves :math:`s`, the next the weights of :math:`f` too.

    `keras_attention.attach` puts it around the attention that it inserts. A
    layer :math:`f` that is the identity by itself at the start (such as
    `keras_attention.GatedChannelTransform`) is not to be put into it: neither
    part would ever get a gradient. `attach` sees to that.

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
        return_attention: Whether to return `(outputs, attention)`. It needs a
            `layer` that has attention to return.

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
        A scale that starts near zero, one a channel, is LayerScale, `Going
        deeper with Image Transformers <https://arxiv.org/abs/2103.17239>`_,
        equation 4; that starts at zero, one a layer, is `ReZero is All You
        Need <https://arxiv.org/abs/2003.04887>`_.

    Note:
        Both papers scale the branch of a residual block, :math:`x + s f(x)`.
        Here the way from :math:`x` to :math:`f(x)` is scaled, as :math:`f` is
        to take the place of the identity, not to be added to it.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.layer = validation.layer("layer", layer)
        self.input_spec = layer.input_spec
        self.supports_masking = layer.supports_masking

    def build(self, input_shape):
        channels = self._channels(input_shape)
        # Called, not built, as some layers are only built by a call.
        seen = keras.KerasTensor(input_shape, self.compute_dtype)
        shape = getattr(self.layer(seen), "shape", None)
        if shape is None or tuple(shape) != tuple(input_shape):
            raise ValueError(
                "`layer` must keep the shape of its input. Received: "
                f"layer={self.layer}, input_shape={tuple(input_shape)}, "
                f"layer.output_shape={shape}"
            )
        # It only meets float32 maps: casting it down would lose digits.
        self.scale = self.add_weight(
            (channels,), "zeros", name="scale", autocast=False
        )

    def call(self, x, training=None, return_attention=False):
        x, kwargs = self._as_float(x), self._mode(training)
        if not return_attention:
            return self.apply_attention(x, self.layer(x, **kwargs))
        moved, attention = self.layer(x, return_attention=True, **kwargs)
        attention = keras.tree.map_structure(
            lambda weights: ops.cast(weights, x.dtype), attention
        )
        return self.apply_attention(x, moved), attention

    def apply_attention(self, x, attention):
        """Return `x`, moved towards the output of the layer."""
        scale = reshaping.per_channel(
            ops.convert_to_tensor(self.scale), self.data_format, len(x.shape)
        )
        return elementwise.step(x, attention, scale)

    def compute_attention_shape(self, input_shape):
        if not hasattr(self.layer, "compute_attention_shape"):
            raise ValueError(
                "`layer` must be a layer with attention for "
                f"`return_attention=True`. Received: layer={self.layer}"
            )
        return self.layer.compute_attention_shape(input_shape)

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        layer.pop("build_config", None)  # this layer builds it
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return super().from_config({**config, "layer": layer})

    def _mode(self, training) -> dict[str, Any]:
        """Return `training` as the layer takes it, if it does."""
        takes = "training" in inspect.signature(self.layer.call).parameters
        return {"training": training} if takes else {}

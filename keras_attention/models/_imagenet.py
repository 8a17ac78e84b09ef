"""Preprocessing of ImageNet images, and decoding of predictions."""

from typing import Any

import keras
from keras import ops

from keras_attention._utils import data_formats


def preprocess_torch(x: Any, data_format: str | None = None) -> Any:
    """Preprocesses images as `mode="torch"` of `keras.applications` does.

    The values are scaled from 0...255 to 0...1. Then the ImageNet mean of each
    channel is subtracted, and the result is divided by the channel's standard
    deviation.

    Args:
        x: One RGB image or a batch of them, with values from 0 to 255.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the shape of `x`.
    """
    x = ops.cast(x, keras.config.floatx()) / 255
    mean = _per_channel((0.485, 0.456, 0.406), x, data_format)
    standard_deviation = _per_channel((0.229, 0.224, 0.225), x, data_format)
    return (x - mean) / standard_deviation


def preprocess_caffe(x: Any, data_format: str | None = None) -> Any:
    """Preprocesses images as `mode="caffe"` of `keras.applications` does.

    The channels are reversed from RGB to BGR. Then the mean of each channel is
    subtracted: 104, 117 and 123, the rounded values of the authors' networks.

    Args:
        x: One RGB image or a batch of them, with values from 0 to 255.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.

    Returns:
        A tensor of the shape of `x`.
    """
    axis = _channel_axis(x, data_format)
    x = ops.flip(ops.cast(x, keras.config.floatx()), axis=axis)
    return x - _per_channel((104.0, 117.0, 123.0), x, data_format)


def decode_predictions(predictions: Any, top: int = 5) -> list:
    """Decodes predictions to class names, as `keras.applications` does.

    Keras downloads the file of class names once.

    Args:
        predictions: Array of shape `(batch, 1000)`.
        top: Number of classes to return for each image.

    Returns:
        A list of `(WordNet identifier, name, score)` tuples for each image, the
        highest score first.
    """
    return keras.applications.imagenet_utils.decode_predictions(
        ops.convert_to_numpy(predictions), top
    )


def _channel_axis(x: Any, data_format: str | None) -> int:
    """Return the channel axis of an image, or a batch of them."""
    data_format = data_formats.resolve_data_format(data_format)
    return len(x.shape) - (1 if data_format == "channels_last" else 3)


def _per_channel(values: tuple, x: Any, data_format: str | None) -> Any:
    """Return one value per channel, in a shape that broadcasts to `x`."""
    shape = [1] * len(x.shape)
    shape[_channel_axis(x, data_format)] = len(values)
    return ops.reshape(ops.convert_to_tensor(values, x.dtype), shape)

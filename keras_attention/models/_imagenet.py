"""What networks for ImageNet are given, and what they give."""

from typing import Any

import keras
from keras import ops

from keras_attention._utils import data_formats


def standardize(x: Any, data_format: str | None = None) -> Any:
    """Return images as most networks were trained on them.

    Red, green and blue, brought from 0 to 1, then to mean 0 and deviation 1.

    Args:
        x: One image or a batch, of values from 0 to 255.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
    """
    x = ops.cast(x, keras.config.floatx()) / 255
    mean = _of_channels((0.485, 0.456, 0.406), x, data_format)
    deviation = _of_channels((0.229, 0.224, 0.225), x, data_format)
    return (x - mean) / deviation


def centre(x: Any, data_format: str | None = None) -> Any:
    """Return images as the networks of Caffe were trained on them.

    Blue, green and red, the mean of each channel subtracted.

    Args:
        x: One image or a batch, of values from 0 to 255.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
    """
    axis = _channel_axis(x, data_format)
    x = ops.flip(ops.cast(x, keras.config.floatx()), axis=axis)
    return x - _of_channels((104.0, 117.0, 123.0), x, data_format)


def decode_predictions(predictions: Any, top: int = 5) -> list:
    """Return the names of the likeliest classes, as Keras does.

    The names are in a file that Keras downloads, once.

    Args:
        predictions: Array of shape `(batch, 1000)`.
        top: Number of classes of each image.

    Returns:
        For each image a list of `(WordNet identifier, name, score)`.
    """
    return keras.applications.imagenet_utils.decode_predictions(
        ops.convert_to_numpy(predictions), top
    )


def _channel_axis(x: Any, data_format: str | None) -> int:
    """Return the channel axis of an image, or a batch of them."""
    data_format = data_formats.resolve_data_format(data_format)
    return len(x.shape) - (1 if data_format == "channels_last" else 3)


def _of_channels(values: tuple, x: Any, data_format: str | None) -> Any:
    """Return one value a channel, shaped to broadcast on images."""
    shape = [1] * len(x.shape)
    shape[_channel_axis(x, data_format)] = len(values)
    return ops.reshape(ops.convert_to_tensor(values, x.dtype), shape)

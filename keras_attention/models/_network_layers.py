"""The convolutions, normalizations and poolings of the networks."""

import keras

from keras_attention._base.channels_first import ChannelsFirstConv2D
from keras_attention._base.traceable import BatchNormalization
from keras_attention._base.traceable import ZeroPadding2D
from keras_attention._utils import data_formats
from keras_attention._utils.types import Initializer

# Kaiming initialization by the number of outputs, which most of the published
# networks use.
FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {
        "scale": 2.0,
        "mode": "fan_out",
        "distribution": "untruncated_normal",
    },
}


class NetworkLayers:
    """Makes the layers of a functional model and calls them.

    Padding is that of PyTorch and Caffe: as many zeros before as after,
    whatever the stride. Batch normalization has the constants of PyTorch.

    Args:
        data_format: The data format of all layers.
        kernel_initializer: The initializer of all convolutions.
    """

    def __init__(
        self, data_format: str, kernel_initializer: Initializer = FAN_OUT
    ):
        self.data_format = data_format
        self.channel_axis = data_formats.channel_axis(data_format, 4)
        self.kernel_initializer = kernel_initializer

    def channels(self, x) -> int:
        """Return the number of channels of a map."""
        return x.shape[self.channel_axis]

    def conv(
        self,
        x,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        groups: int = 1,
        name: str,
    ):
        """Apply a convolution without a bias."""
        if strides > 1 and kernel_size > 1:
            side = kernel_size // 2
            x = self.zero_pad(x, (side, side), name=f"{name}_pad")
        layer_cls = (
            keras.layers.Conv2D
            if self.data_format == "channels_last"
            else ChannelsFirstConv2D
        )
        return layer_cls(
            filters,
            kernel_size,
            strides=strides,
            padding="same" if strides == 1 else "valid",
            groups=groups,
            use_bias=False,
            kernel_initializer=keras.initializers.get(self.kernel_initializer),
            data_format=self.data_format,
            name=name,
        )(x)

    def batch_norm(self, x, *, name: str):
        """Apply batch normalization."""
        return BatchNormalization(
            axis=self.channel_axis, momentum=0.9, epsilon=1e-5, name=name
        )(x)

    def relu(self, x, *, name: str):
        """Apply a ReLU."""
        return keras.layers.ReLU(name=name)(x)

    def zero_pad(self, x, widths: tuple[int, int], *, name: str):
        """Pad height and width with zeros.

        Args:
            x: The map.
            widths: The number of zeros before and after, for both axes.
            name: Name of the layer.
        """
        return ZeroPadding2D(
            (widths, widths), data_format=self.data_format, name=name
        )(x)

    def max_pool(self, x, padding: str, *, name: str):
        """Apply max pooling of size 3 and stride 2 after a ReLU.

        The padding is with zeros, which do not change the maximum of what a
        ReLU returns.

        Args:
            x: The output of a ReLU.
            padding: `"both"` pads both sides, as PyTorch does. `"end"` pads the
                end alone, as Caffe does, which rounds up. Both halve an even
                size. An odd size is rounded up by `"both"` and down by `"end"`.
            name: Name of the layer.
        """
        widths = {"both": (1, 1), "end": (0, 1)}[padding]
        x = self.zero_pad(x, widths, name=f"{name}_pad")
        return keras.layers.MaxPooling2D(
            3, 2, data_format=self.data_format, name=name
        )(x)

    def average_pool(self, x, strides: int, *, name: str):
        """Apply average pooling of size 3, which counts zeros of the padding.

        Args:
            x: The map.
            strides: Step of the pooling in both directions.
            name: Name of the layer.
        """
        x = self.zero_pad(x, (1, 1), name=f"{name}_pad")
        return keras.layers.AveragePooling2D(
            3, strides, data_format=self.data_format, name=name
        )(x)

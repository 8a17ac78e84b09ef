"""The layers that every network is made of, as the references make them."""

from typing import Any

import keras

from keras_attention._utils import data_formats
from keras_attention.models._channels_first import ChannelsFirstConv2D

# Kaiming's, by what a filter gives out, with which most references start.
FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {
        "scale": 2.0,
        "mode": "fan_out",
        "distribution": "untruncated_normal",
    },
}


class Parts:
    """Makes layers of one layout and calls them, for functional models.

    Paddings are PyTorch's and Caffe's: as many zeros before as after, whatever
    the stride. Batch norms have PyTorch's constants.
    """

    def __init__(self, data_format: str, kernel_initializer: Any = FAN_OUT):
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
        """Convolve without a bias, as a norm follows, or came before."""
        if strides > 1 and kernel_size > 1:
            side = kernel_size // 2
            x = self.pad(x, (side, side), name=f"{name}_pad")
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

    def norm(self, x, *, name: str):
        """Normalise over the batch."""
        return keras.layers.BatchNormalization(
            axis=self.channel_axis, momentum=0.9, epsilon=1e-5, name=name
        )(x)

    def relu(self, x, *, name: str):
        """Rectify."""
        return keras.layers.ReLU(name=name)(x)

    def pad(self, x, widths: tuple[int, int], *, name: str):
        """Put zeros before and after, in both directions."""
        return keras.layers.ZeroPadding2D(
            (widths, widths), data_format=self.data_format, name=name
        )(x)

    def halve(self, x, pool: str, *, name: str):
        """Take the maximum of 3 x 3, every other one, of what is rectified.

        So zeros around do not count. `pool` says where these are: `"pad"` all
        around, as PyTorch's networks have them, or `"ceil"`, at the end, as
        Caffe has them, which rounds up. Of an even size both make the half; of
        an odd one the first makes more than the half, the second less.
        """
        widths = {"pad": (1, 1), "ceil": (0, 1)}[pool]
        x = self.pad(x, widths, name=f"{name}_pad")
        return keras.layers.MaxPooling2D(
            3, 2, data_format=self.data_format, name=name
        )(x)

"""A channels-first convolution for every processor."""

import keras
from keras import ops

from keras_attention._base.calls import convolve


@keras.saving.register_keras_serializable(package="keras_attention")
class ChannelsFirstConv2D(keras.layers.Conv2D):
    """A `keras.layers.Conv2D` whose channels-first maps any CPU convolves.

    On a CPU TensorFlow convolves channels-first maps only through oneDNN, which
    many processors lack. This layer convolves them with the channels last
    there. Weights, numbers and configuration are those of Keras' layer.
    """

    def convolution_op(self, inputs, kernel):
        return convolve(self, inputs, ops.convert_to_tensor(kernel))

"""A channels-first convolution that runs on any CPU."""

import keras
from keras import ops

from keras_attention._base.calls import convolve


@keras.saving.register_keras_serializable(package="keras_attention")
class ChannelsFirstConv2D(keras.layers.Conv2D):
    """A `keras.layers.Conv2D` that runs channels-first on any CPU.

    On a CPU, TensorFlow runs channels-first convolutions only with oneDNN,
    which many processors do not support. There this layer transposes to
    channels last for the convolution. Weights, results and config are those of
    `keras.layers.Conv2D`.
    """

    def convolution_op(self, inputs, kernel):
        return convolve(self, inputs, ops.convert_to_tensor(kernel))

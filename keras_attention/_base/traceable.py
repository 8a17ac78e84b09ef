"""Layers of Keras of which `torch.compile` makes a part of one graph."""

import keras

from keras_attention.ops import reshaping


@keras.saving.register_keras_serializable(package="keras_attention")
class ZeroPadding2D(keras.layers.ZeroPadding2D):
    """A `keras.layers.ZeroPadding2D` that `torch.compile` can trace.

    A call of `keras.ops.pad` makes an operation with a new name. The compiler
    ends its graph at the next layer after this side effect. Results and config
    are those of `keras.layers.ZeroPadding2D`.
    """

    def call(self, inputs):
        rows, columns = self.padding
        none = (0, 0)
        if self.data_format == "channels_first":
            return reshaping.pad(inputs, (none, none, rows, columns))
        return reshaping.pad(inputs, (none, rows, columns, none))


@keras.saving.register_keras_serializable(package="keras_attention")
class BatchNormalization(keras.layers.BatchNormalization):
    """A `keras.layers.BatchNormalization` that `torch.compile` can trace.

    The compiler does not accept the list of axes in Keras' layer for the
    statistics in training, as Keras tracks the list. This layer has a tuple.
    Weights, results and config are those of `keras.layers.BatchNormalization`.
    """

    def build(self, input_shape):
        super().build(input_shape)
        axes = list(range(len(input_shape)))
        del axes[self.axis]
        self._reduction_axes = tuple(axes)

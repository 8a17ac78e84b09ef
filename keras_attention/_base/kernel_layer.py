"""Base class of the layers with kernels."""

from typing import Any

import keras

from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.layer import MapLayer
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer


class KernelLayer(MapLayer):
    """Base class of the layers with kernels; it creates their sublayers."""

    def __init__(
        self,
        *,
        kernel_initializer: Initializer,
        kernel_regularizer: Regularizer,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_initializer = validation.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.kernel_regularizer = validation.regularizer(
            "kernel_regularizer", kernel_regularizer
        )

    def _new_initializer(self) -> Any:
        """Return a copy: an initializer repeats its values when used again."""
        copy = getattr(self.kernel_initializer, "clone", None)
        return copy() if copy else self.kernel_initializer  # or a function

    def _batch_norm(
        self, name: str, channels: int, axis: int = -1, **settings: Any
    ) -> BatchNorm:
        """Return a new batch normalization of `channels`, built."""
        norm = BatchNorm(
            axis, dtype=self._policy_of(name), name=name, **settings
        )
        norm.build((None, channels))
        return norm

    def _kernel(self, name: str) -> dict[str, Any]:
        """Return the arguments of the Keras layer `name` with a kernel."""
        return {
            "kernel_initializer": self._new_initializer(),
            "kernel_regularizer": self.kernel_regularizer,
            "dtype": self._policy_of(name),
            "name": name,
        }

    def _dense(
        self, name: str, units: int, inputs: int, **settings: Any
    ) -> keras.layers.Dense:
        """Return a new dense layer, built for a number of inputs."""
        layer = keras.layers.Dense(units, **(self._kernel(name) | settings))
        layer.build((None, inputs))
        return layer

    def _precise_dense(
        self,
        name: str,
        units: int,
        inputs: int,
        bias_initializer: Initializer = "zeros",
    ) -> tuple[Any, Any]:
        """Return a kernel of zeros and a bias that half precision keeps.

        They compute locations, which would be off by pixels.
        """
        kernel = self.add_weight(
            (inputs, units), "zeros", name=f"{name}_kernel", autocast=False
        )
        bias = self._precise_vector(f"{name}_bias", units, bias_initializer)
        return kernel, bias

    def _depthwise_conv(
        self,
        name: str,
        kernel_size: int | tuple[int, int],
        channels: int,
        **settings: Any,
    ) -> keras.layers.Conv2D:
        """Return a new convolution of each channel by itself, built."""
        layer = keras.layers.Conv2D(
            channels,
            kernel_size,
            groups=channels,
            **settings,
            **self._kernel(name),
        )
        layer.build(
            data_formats.with_channels((None,) * 4, channels, layer.data_format)
        )
        return layer

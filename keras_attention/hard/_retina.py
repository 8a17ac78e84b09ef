"""Base classes of the glimpse sensor and of the networks that use it."""

from typing import Any

import keras

from keras_attention._base.layer import Kernels
from keras_attention._base.layer import MapLayer
from keras_attention._utils import validation


class Retina(MapLayer):
    """Base class of layers with the arguments of a glimpse sensor."""

    def __init__(
        self,
        *,
        glimpse_size: int,
        num_scales: int,
        scale_factor: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Half precision cannot represent every pixel location of an image.
        self.autocast = False
        self.glimpse_size = validation.positive_integer(
            "glimpse_size", glimpse_size
        )
        self.num_scales = validation.positive_integer("num_scales", num_scales)
        self.scale_factor = validation.positive_integer(
            "scale_factor", scale_factor
        )

    def get_config(self):
        return {
            **super().get_config(),
            "glimpse_size": self.glimpse_size,
            "num_scales": self.num_scales,
            "scale_factor": self.scale_factor,
        }

    def _retina(self) -> dict[str, Any]:
        """Return the arguments of a sublayer with the same glimpse sensor."""
        return {
            "glimpse_size": self.glimpse_size,
            "num_scales": self.num_scales,
            "scale_factor": self.scale_factor,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }


class RetinaNetwork(Retina, Kernels):
    """Base class of networks of dense layers on glimpses."""

    def _dense(self, name: str, units: int, inputs: int) -> keras.layers.Dense:
        layer = keras.layers.Dense(units, **self._kernel(name))
        layer.build((None, inputs))
        return layer

"""Arguments of a glimpse sensor, which networks of glimpses pass on."""

from typing import Any

from keras_attention._base.layer import MapLayer


def retina(layer: MapLayer) -> dict[str, Any]:
    """Return the arguments of a sublayer with the same glimpse sensor."""
    return {
        **{
            name: getattr(layer, name)
            for name in ("glimpse_size", "num_scales", "scale_factor")
        },
        "data_format": layer.data_format,
        "dtype": layer.dtype_policy,
    }

"""Positions of attention layers in residual networks."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras

from keras_attention import registry
from keras_attention._utils.types import AttentionLayer
from keras_attention.models._network_layers import NetworkLayers

# A function from `name` and `data_format` to a layer.
LayerFactory = Callable[..., keras.layers.Layer]


class AttentionSlot(NamedTuple):
    """A position in a block for an attention layer.

    Attributes:
        role: The end of the layers' names, by which key maps of checkpoints
            find them.
        make: The function that makes the layers.
        by_stage: Arguments of `make` that differ between stages: a dictionary
            for each stage, or nothing.
    """

    role: str
    make: LayerFactory
    by_stage: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        attention: AttentionLayer,
        own: "AttentionSlot",
        layer_cls: type[keras.layers.Layer],
    ) -> "AttentionSlot | None":
        """Return the slot of a layer that `keras_attention.get` accepts.

        Args:
            attention: Name of a layer, or a layer, of which each block gets a
                copy with weights of its own. There is no slot for `None`.
            own: The slot of the published network, for every name of
                `layer_cls` without arguments.
            layer_cls: The class of the layers of the published network.
        """
        template = registry.get(attention)
        if template is None:
            return None
        config = template.get_config()
        if isinstance(attention, str) and isinstance(template, layer_cls):
            default = layer_cls(name=template.name)
            if config == default.get_config():
                return own

        def make(*, data_format: str, name: str) -> keras.layers.Layer:
            own = {"data_format": data_format, "name": name}
            own = {key: own[key] for key in own.keys() & config.keys()}
            return type(template).from_config(config | own)

        return cls("attention", make)

    def apply(
        self,
        x: Any,
        layers: NetworkLayers,
        prefix: str,
        *,
        stage: int = 1,
        number: str = "",
    ) -> Any:
        """Apply a new layer; the prefix, the role and the number are its name.

        Raises:
            ValueError: If the layer does not accept one map, or changes its
                shape.
        """
        layer = self.make(
            data_format=layers.data_format,
            name=f"{prefix}_{self.role}{number}",
            **(self.by_stage[stage - 1] if self.by_stage else {}),
        )
        try:
            y = layer(x)
        except TypeError as error:
            raise _attention_error(
                layer, f"{type(error).__name__}: {error}"
            ) from error
        if getattr(y, "shape", None) != x.shape:
            raise _attention_error(layer, f"outputs {y} for {x}")
        return y


def _attention_error(layer: keras.layers.Layer, reason: str) -> ValueError:
    """Return the error for a layer that is no attention of a network."""
    return ValueError(
        "`attention` must accept one map, and keep its shape. "
        f"Received: attention={type(layer).__name__} ({reason})"
    )

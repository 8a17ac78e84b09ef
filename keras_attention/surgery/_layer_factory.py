"""New layers for insertion points, made from a template."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any
from typing import TypeAlias

import keras
import numpy as np

from keras_attention._base.layer import MapLayer
from keras_attention._utils import validation
from keras_attention.mixed import IdentityStart
from keras_attention.registry.get import get
from keras_attention.surgery._layers import clone_layer

Template: TypeAlias = (
    "str | keras.layers.Layer | Callable[[Any], keras.layers.Layer]"
)


def passing_masks(layers: list[keras.layers.Layer]) -> list:
    """Return layers that keep a shape, and let masks pass."""
    inner = [
        layer.layer for layer in layers if isinstance(layer, IdentityStart)
    ]
    for layer in [*layers, *inner]:
        # Layers of other packages may use a mask in another way.
        if isinstance(layer, MapLayer):
            layer.supports_masking = True
    return layers


class LayerFactory:
    """Makes a new layer with a unique name for each insertion point.

    Args:
        argument: Name of the argument that has the template, for errors.
        template: A layer that is copied, or the name of one, or a function
            that returns layers.
        taken: Names that are taken.
        data_format: The data format that layers must have, if they have any.
    """

    def __init__(
        self,
        argument: str,
        template: Template,
        taken: set[str],
        data_format: str,
    ) -> None:
        if isinstance(template, str):
            template = get(template, data_format=data_format)
        is_layer = isinstance(template, keras.layers.Layer)
        if isinstance(template, type) or not (is_layer or callable(template)):
            raise ValueError(
                f"`{argument}` must be a layer, the name of one, or a function "
                "that returns one. "
                f"Received: {argument}={template!r}"
            )
        self._argument = argument
        self._template: Any = template
        self._is_layer = is_layer
        self._taken = taken
        self._data_format = data_format
        self._made: list[keras.layers.Layer] = []

    def make(self, operation: Any) -> keras.layers.Layer:
        """Return a new layer for the insertion point after an operation."""
        if self._is_layer:
            layer = clone_layer(self._template, base_name(self._template))
        else:
            layer = self._call_template(operation)
            if not isinstance(layer, keras.layers.Layer) or any(
                layer is other for other in self._made
            ):
                raise ValueError(
                    f"`{self._argument}` must return a new layer each time. "
                    f"Received: {self._argument}({operation.name!r})={layer!r}"
                )
        self._made.append(layer)
        data_format = getattr(layer, "data_format", None)
        if data_format not in (None, self._data_format):
            raise ValueError(
                f"`{self._argument}` must have the data format of the model, "
                f"{self._data_format!r}. Received: data_format={data_format!r}"
            )
        return layer

    def _call_template(self, operation):
        try:
            return self._template(operation)
        except Exception as error:  # The function is the user's.
            raise ValueError(
                f"`{self._argument}` must be a layer or a function that "
                "returns a new one for a layer: called with "
                f"{operation.name!r} it raised {validation.reason(error)}. "
                f"Received: {self._argument}={self._template!r}"
            ) from error

    def output_shape(self, layer, *tensors) -> tuple | None:
        """Return the shape of a layer's output; `None` if it is no tensor.

        The shape comes from a call, because custom layers may lack
        `compute_output_shape`. If the layer has no weights yet, a copy is
        called, so that the layer itself does not record this call.
        """
        inputs = [
            keras.KerasTensor(
                x.shape, layer.compute_dtype if "float" in x.dtype else x.dtype
            )
            for x in tensors
        ]
        try:
            _require_inputs(layer, inputs)
            if layer.built:
                outputs = layer.compute_output_spec(*inputs)
            else:
                outputs = clone_layer(layer)(*inputs)
        except Exception as error:  # The layer may be the user's.
            count = {1: "one tensor", 2: "two tensors"}[len(tensors)]
            shapes = " and ".join(str(tuple(x.shape)) for x in inputs)
            raise ValueError(
                f"`{self._argument}` must accept {count}: called with {count} "
                f"of shape {shapes} it raised {validation.reason(error)}. "
                f"Received: {self._argument}={layer!r}"
            ) from error
        shape = getattr(outputs, "shape", None)
        return None if shape is None else tuple(shape)

    def renamed(self, layer, name: str) -> keras.layers.Layer:
        """Return a copy with another name, or a layer that is built itself."""
        return layer if layer.built else clone_layer(layer, name)

    def cast_layers(self, layer, tensor, name: str) -> list[keras.layers.Layer]:
        """Return layers that cast a layer's output to a tensor's dtype."""
        if layer.compute_dtype == tensor.dtype:
            return []
        name = self.unique_name(f"{name}_{tensor.dtype}")
        return [keras.layers.Identity(dtype=tensor.dtype, name=name)]

    def unique_name(self, wanted: str) -> str:
        """Return a name that is not taken, and take it."""
        name, number = wanted, 0
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def _require_inputs(layer, tensors) -> None:
    """Raise an error if a layer takes a tensor for `training` or `mask`."""
    arguments = inspect.signature(layer.call).bind(*tensors).arguments
    for name in ("training", "mask"):
        if name in arguments:
            raise TypeError(f"{name!r} is no input")


def base_name(layer: keras.layers.Layer) -> str:
    """Return a layer's name without the number that Keras appended."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", type(layer).__name__)
    words = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", words).lower()
    has_number = re.fullmatch(rf"{re.escape(words)}_\d+", layer.name)
    return words if has_number else layer.name


def random_map(shape, seed: int = 0) -> np.ndarray:
    """Return one random sample of a shape, with 8 for unknown sizes."""
    sizes = [8 if size is None else size for size in shape[1:]]
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, *sizes)).astype("float32")


def policy_for(layer: keras.layers.Layer, dtype: str) -> Any:
    """Return a dtype policy that computes in `dtype`."""
    if layer.compute_dtype == dtype:
        return layer.dtype_policy
    return f"mixed_{dtype}" if dtype in ("float16", "bfloat16") else dtype

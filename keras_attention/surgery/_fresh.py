"""Fresh layers for places: copies of a template, under names that are free."""

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
from keras_attention.surgery._layers import copied
from keras_attention.surgery.identity_start import IdentityStart

Template: TypeAlias = "keras.layers.Layer | Callable[[Any], keras.layers.Layer]"


def passing_masks(layers: list[keras.layers.Layer]) -> list:
    """Return layers that keep a shape, such that masks pass through them."""
    inner = [
        layer.layer for layer in layers if isinstance(layer, IdentityStart)
    ]
    for layer in [*layers, *inner]:
        # What others wrote may mean something else by a mask.
        if isinstance(layer, MapLayer):
            layer.supports_masking = True
    return layers


class Fresh:
    """Makes layers, each under a name of its own.

    Args:
        name: What the argument is called, for errors.
        template: A layer that is copied, or a function that makes layers.
        taken: Names that are not free.
        layout: The data format that layers must have, if they have any.
    """

    def __init__(
        self, name: str, template: Template, taken: set[str], layout: str
    ) -> None:
        is_layer = isinstance(template, keras.layers.Layer)
        if isinstance(template, type) or not (is_layer or callable(template)):
            raise ValueError(
                f"`{name}` must be a layer or a function that returns one. "
                f"Received: {name}={template!r}"
            )
        self._name = name
        self._template = template
        self._is_layer = is_layer
        self._taken = taken
        self._layout = layout
        self._made: list[keras.layers.Layer] = []

    def layer(self, operation: Any) -> keras.layers.Layer:
        """Return a new layer for the place after an operation."""
        if self._is_layer:
            layer = copied(self._template, base_name(self._template))
        else:
            layer = self._made_by_function(operation)
            if not isinstance(layer, keras.layers.Layer) or any(
                layer is other for other in self._made
            ):
                raise ValueError(
                    f"`{self._name}` must return a new layer each time. "
                    f"Received: {self._name}({operation.name!r})={layer!r}"
                )
        self._made.append(layer)
        own = getattr(layer, "data_format", None)
        if own not in (None, self._layout):
            raise ValueError(
                f"`{self._name}` must have the data format of the model, "
                f"{self._layout!r}. Received: data_format={own!r}"
            )
        return layer

    def _made_by_function(self, operation):
        try:
            return self._template(operation)
        except Exception as error:  # of whoever wrote the function
            raise ValueError(
                f"`{self._name}` must be a layer or a function that returns a "
                f"new one for a layer: called with {operation.name!r} it "
                f"raised {validation.reason(error)}. "
                f"Received: {self._name}={self._template!r}"
            ) from error

    def output_shape(self, layer, *tensors) -> tuple | None:
        """Return the shape of what a layer returns; `None` for no tensor.

        It is called, as users' layers need not have `compute_output_shape`. A
        copy is, if it has no weights yet, so that it has no node of this call.
        """
        seen = [
            keras.KerasTensor(
                x.shape, layer.compute_dtype if "float" in x.dtype else x.dtype
            )
            for x in tensors
        ]
        try:
            _require_inputs(layer, seen)
            if layer.built:
                outputs = layer.compute_output_spec(*seen)
            else:
                outputs = copied(layer)(*seen)
        except Exception as error:  # of whoever wrote the layer
            count = {1: "one tensor", 2: "two tensors"}[len(tensors)]
            raise ValueError(
                f"`{self._name}` must be called with {count}: with such of "
                f"shape {' and '.join(str(tuple(x.shape)) for x in seen)} it "
                f"raised {validation.reason(error)}. "
                f"Received: {self._name}={layer!r}"
            ) from error
        shape = getattr(outputs, "shape", None)
        return None if shape is None else tuple(shape)

    def named(self, layer, name: str) -> keras.layers.Layer:
        """Return a layer by another name, or itself if it has weights."""
        return layer if layer.built else copied(layer, name)

    def cast(self, layer, tensor, name: str) -> list[keras.layers.Layer]:
        """Return what turns the layer's dtype into a tensor's, if it must."""
        if layer.compute_dtype == tensor.dtype:
            return []
        name = self.free_name(f"{name}_{tensor.dtype}")
        return [keras.layers.Identity(dtype=tensor.dtype, name=name)]

    def free_name(self, wanted: str) -> str:
        """Return a name, with a number if it is taken, and take it."""
        name, number = wanted, 0
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def _require_inputs(layer, tensors) -> None:
    """Refuse a layer that takes one of the tensors for something else."""
    taken = inspect.signature(layer.call).bind(*tensors).arguments
    for name in ("training", "mask"):
        if name in taken:
            raise TypeError(f"{name!r} is no input")


def base_name(layer: keras.layers.Layer) -> str:
    """Return a layer's name without the number that Keras appended."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", type(layer).__name__)
    words = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", words).lower()
    numbered = re.fullmatch(rf"{re.escape(words)}_\d+", layer.name)
    return words if numbered else layer.name


def sample(shape, seed: int = 0) -> np.ndarray:
    """Return one random sample of a shape, of side 8 where that is open."""
    sizes = [8 if size is None else size for size in shape[1:]]
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, *sizes)).astype("float32")


def policy_for(layer: keras.layers.Layer, dtype: str) -> Any:
    """Return a policy that computes in `dtype`: the layer's own if it does."""
    if layer.compute_dtype == dtype:
        return layer.dtype_policy
    return f"mixed_{dtype}" if dtype in ("float16", "bfloat16") else dtype

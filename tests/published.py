"""Golden files that name their layer, with weights of published names.

They are as those of `golden.py`. In `meta` there are also the layer, its
arguments, the number of its parameters, and for each batch normalization how
many values of a channel it sees. `eval/attention` is the attention, or has its
entries below it. The weights
are loaded by `load_reference_weights`.
"""

import dataclasses
import functools
import json

import keras
import numpy as np

import golden
import keras_attention
from autodiff import forward
from autodiff import role
from autodiff import shapes_of
from autodiff import vjp
from contract.case import assert_close
from contract.case import each
from contract.case import to_last
from contract.case import to_layout
from keras_attention.checkpoints._registry import key_maps_of

INPUTS = ("x", "gating", "query", "values", "reference_points")
# Inputs without a layout: they are no maps.
PLAIN = ("query", "reference_points")
# By mode, of values and of the gradients of weights: training divides by the
# standard deviation of as few as four values.
TOLERANCES = {"eval": (1e-5, 3e-5), "train": (1e-4, 3e-4)}


@dataclasses.dataclass(frozen=True)
class Published:
    """A golden file. `has_channels` is whether attention has a channel axis."""

    file: str
    has_channels: bool = True

    def __str__(self):
        return self.file

    @functools.cached_property
    def arrays(self):
        return golden.load(self.file)

    @functools.cached_property
    def meta(self):
        with np.load(golden.FOLDER / f"{self.file}.npz") as file:
            return json.loads(str(file["meta"]))

    @property
    def modes(self):
        return [mode for mode in TOLERANCES if f"{mode}/y" in self.arrays]

    @property
    def names(self):
        """Return the names of the inputs, in lists of those of lists."""
        items = sorted(key for key in self.arrays if key.startswith("values/"))
        names = [items if name == "values" else name for name in INPUTS]
        return [
            name
            for name in names
            if name and (name is items or name in self.arrays)
        ]

    def inputs(self, data_format):
        return each(
            lambda name: (
                self.arrays[name]
                if name in PLAIN
                else to_layout(self.arrays[name], data_format)
            ),
            self.names,
        )

    def layer(self, data_format="channels_last"):
        """Return the layer with the weights of the file."""
        cls = getattr(keras_attention, self.meta["layer"])
        layer = cls(**self.meta["arguments"], data_format=data_format)
        layer.build(*shapes_of(self.inputs(data_format)))
        weights = golden.under(self.arrays, "w/")
        if weights:
            keras_attention.load_reference_weights(layer, weights)
        return layer

    def roles(self, layer):
        """Return roles and conversions of weights by their published names."""
        names = golden.under(self.arrays, "w/").keys()
        if not names:
            return {}
        key_map = next(
            found
            for found in key_maps_of(layer).values()
            if names <= found.keys()
        )
        return {
            name: (path.replace(".", "/"), axis_order.to_keras)
            for name, (path, axis_order) in key_map.items()
            if name in names
        }


def check(case, data_format, compiled):
    """Compare outputs, attention and gradients of a layer with its file."""
    layer = case.layer(data_format)
    parameters = sum(np.prod(w.shape) for w in layer.trainable_weights)
    assert parameters == case.meta["parameters"]
    attention = forward(
        layer, *case.inputs(data_format), return_attention=True
    )[1]
    if case.has_channels:
        attention = keras.tree.map_structure(
            lambda array: to_last(array, data_format), attention
        )
    parts = golden.under(case.arrays, "eval/attention/")
    assert_close(attention, parts or case.arrays["eval/attention"])
    for mode in case.modes:
        _check_mode(case, mode, data_format, compiled)


def _check_mode(case, mode, data_format, compiled):
    tolerance, tolerance_of_weights = TOLERANCES[mode]
    stored = golden.under(case.arrays, f"{mode}/")
    layer = case.layer(data_format)
    names = keras.tree.flatten(case.names)
    # The outputs are as the first input.
    own = "channels_last" if names[0] in PLAIN else data_format
    outputs, gradients, weight_gradients = vjp(
        layer,
        case.inputs(data_format),
        to_layout(stored["cotangent"], own),
        training=mode == "train",
        compiled=compiled,
    )
    assert_close(to_last(outputs, own), stored["y"], tolerance)
    last = [
        gradient if name in PLAIN else to_last(gradient, data_format)
        for name, gradient in zip(names, gradients, strict=True)
    ]
    assert_close(last, [stored[f"d{name}"] for name in names], tolerance)
    roles = case.roles(layer)
    expected = golden.in_roles(golden.under(stored, "dw/"), roles)
    assert weight_gradients.keys() == expected.keys()
    scale = max((np.abs(g).max() for g in expected.values()), default=0)
    for name, gradient in expected.items():
        if np.abs(gradient).max() > 1e-6 * scale:
            assert_close(weight_gradients[name], gradient, tolerance_of_weights)
        else:
            # The gradient of a bias without effect has only rounding errors.
            found = np.abs(weight_gradients[name]).max()
            assert found <= tolerance_of_weights * scale


def check_export(case):
    """Compare the weights that are written with those of the file."""
    layer = case.layer()
    weights = golden.under(case.arrays, "w/")
    written = [
        keras_attention.export_reference_weights(layer, layout)
        for layout in key_maps_of(layer)
    ]
    written = [found for found in written if found.keys() == weights.keys()]
    assert written
    for found in written:
        for name, array in weights.items():
            np.testing.assert_array_equal(found[name], array)


def check_statistics(case, data_format):
    """Compare the statistics after a training step with the file."""
    layer = case.layer(data_format)
    before = {role(w): np.array(w) for w in layer.non_trainable_weights}
    stored = golden.under(case.arrays, "train/after/")
    vjp(
        layer,
        case.inputs(data_format),
        to_layout(case.arrays["train/cotangent"], data_format),
        training=True,
    )
    found = {role(w): w for w in layer.non_trainable_weights}
    roles = case.roles(layer)
    assert found.keys() == {roles[name][0] for name in stored}
    for name, array in stored.items():
        path, convert = roles[name]
        expected = convert(array)
        if path.endswith("moving_variance"):
            # PyTorch stores the unbiased variance, Keras the biased one.
            samples = case.meta["samples"][name.removesuffix(".running_var")]
            kept = before[path] * case.meta["momentum"]
            expected = kept + (expected - kept) * (samples - 1) / samples
        assert_close(found[path], expected)

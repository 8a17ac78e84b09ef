"""`Case`: one configuration of a layer, and helpers of the checks."""

import dataclasses
import functools
import inspect
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops

import references
from autodiff import vjp
from keras_attention._base.channels_first import ChannelsFirstConv2D

LAYOUTS = ("channels_last", "channels_first")


def convolution(*args, data_format="channels_last", **kwargs):
    """Return a convolution that runs in this data format on every CPU."""
    last = data_format == "channels_last"
    layer_cls = keras.layers.Conv2D if last else ChannelsFirstConv2D
    return layer_cls(*args, data_format=data_format, **kwargs)


@dataclasses.dataclass(frozen=True)
class LayerFactory:
    """An argument that is made for each layer separately, such as a layer.

    `make` is a function of the data format and the dtype policy of the layer.
    """

    name: str
    make: Callable

    def __str__(self):
        return self.name


@dataclasses.dataclass(frozen=True)
class Case:
    """A configuration of a layer, with its `channels_last` input shapes.

    The shapes of an input that is a list of tensors are a list.

    `attention_channels` is the channel axis of the attention in
    `channels_last`, or `None`. `idle_weights` are the ends of the paths of
    weights without effect in training, such as biases before batch
    normalization. `inert_weights` are those without effect at all, such as
    biases before a softmax over positions. `idle_inputs` are the indices of
    inputs to which the outputs have no gradient, such as locations of pixels.
    `weight_scale` is the standard deviation of random weights. `rounding` is
    the tolerance for gradients by two compilers, larger than the default only
    if a comparison with float64 shows cancellation. `any_size` is whether the
    layer accepts maps of unknown sizes.
    """

    layer_cls: type
    kwargs: dict
    shapes: tuple
    attention_channels: int | None = -1
    idle_weights: tuple[str, ...] = ()
    inert_weights: tuple[str, ...] = ()
    idle_inputs: tuple[int, ...] = ()
    weight_scale: float = 0.5
    rounding: float = 1e-5
    any_size: bool = True

    @property
    def has_attention(self):
        return hasattr(self.layer_cls, "attention")

    @functools.cached_property
    def has_weights(self):
        # Initial values are skipped: they take a minute for all cases on JAX.
        with keras.StatelessScope(initialize_variables=False):
            layer = self.layer()
            layer.build(*self.shapes)
        # Keras would give them initial values at the end of the next scope.
        keras.utils.clear_session(free_memory=False)
        return bool(layer.trainable_weights)

    @property
    def is_model(self):
        return issubclass(self.layer_cls, keras.Model)

    @property
    def has_networks(self):
        """Whether the layer is a model that contains networks of the user.

        These networks restrict the sizes of maps, the model computes their
        gradients, and Keras adds their input shapes to their config.
        """
        return self.is_model and any(
            isinstance(value, LayerFactory) for value in self.kwargs.values()
        )

    @property
    def is_deterministic(self):
        """Whether predictions are the same in each call."""
        return self.kwargs.get("monte_carlo_samples", 1) == 1

    @property
    def samples_locations(self):
        """Whether no gradient of the outputs reaches the weights of locations.

        `tests/hard` has the tests of their gradients.
        """
        return "location_stddev" in arguments(self.layer_cls)

    @property
    def returns_map(self):
        shape = self.layer().compute_output_shape(*self.shapes)
        return len(shape) == len(self.shapes[0])

    @property
    def all_outputs(self):
        """Return the arguments of a call that returns attention, if any."""
        return {"return_attention": True} if self.has_attention else {}

    def __str__(self):
        kwargs = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.layer_cls.__name__}({kwargs})"

    def layer(self, **kwargs):
        """Return the layer as it is constructed."""
        kwargs = {"data_format": "channels_last", **self.kwargs, **kwargs}
        first = kwargs["data_format"] == "channels_first"
        for name, value in kwargs.items():
            if isinstance(value, LayerFactory):
                kwargs[name] = value.make(LAYOUTS[first], kwargs.get("dtype"))
        return self.layer_cls(**kwargs)

    def generic(self, shapes=None, **kwargs):
        """Return the layer, built, with random weights."""
        layer = self.layer(**kwargs)
        shapes = shapes or self.shapes
        layer.build(*self.in_layout(shapes, layer.data_format))
        return self.randomized(layer)

    def randomized(self, layer):
        """Set the weights of a built layer to random values, and return it."""
        rng = np.random.default_rng(1)
        for weight in layer.weights:
            value = rng.normal(size=weight.shape)
            positive = weight.path.endswith("moving_variance")
            weight.assign(
                0.5 + value**2 if positive else self.weight_scale * value
            )
        return layer

    def inputs(self, shapes=None, dtype="float32"):
        rng = np.random.default_rng(0)
        return each_shape(
            lambda shape: rng.normal(size=shape).astype(dtype),
            shapes or self.shapes,
        )

    def in_layout(self, inputs, data_format):
        """Convert inputs, or their shapes, to a data format."""
        return [to_layout(x, data_format) for x in inputs]

    def gradients_to_last(self, gradients, data_format):
        """Convert the gradients of all inputs to `channels_last`."""
        return [to_last(gradient, data_format) for gradient in gradients]

    def cotangent(self, shapes=None):
        """Return a random array with the `channels_last` output shape."""
        shape = self.layer().compute_output_shape(*(shapes or self.shapes))
        return np.random.default_rng(2).normal(size=shape).astype("float32")

    @functools.cached_property
    def gradients(self):
        """The results of `vjp` for `generic` at `inputs`, cached to save
        compilation.

        The arrays must not be changed.
        """
        return vjp(self.generic(), self.inputs(), self.cotangent())

    def expected(self, layer, inputs):
        """Return the reference's outputs, with attention if there is any."""
        outputs, attention = references.run(layer, inputs)
        return (outputs, attention) if self.has_attention else outputs

    def channels_first_axis(self, rank):
        """Return the axis of the channels in outputs of this rank."""
        # The axes of the map follow.
        axis = rank - (len(self.shapes[0]) - 2) - 1
        return axis if axis > 0 else -1

    def outputs_to_last(self, outputs, data_format):
        """Move the channels of outputs and attention to `channels_last`."""
        attention = ()
        if self.has_attention:
            outputs, attention = outputs
            attention = self.attention_to_last(attention, data_format)
        outputs = to_numpy(outputs)
        if data_format == "channels_first":
            axis = self.channels_first_axis(outputs.ndim)
            outputs = np.moveaxis(outputs, axis, -1)
        return (outputs, attention)

    def attention_to_last(self, attention, data_format):
        """Move the channel axis of attention weights to `channels_last`."""
        if data_format == "channels_last" or self.attention_channels is None:
            return keras.tree.map_structure(to_numpy, attention)
        return keras.tree.map_structure(
            lambda a: np.moveaxis(to_numpy(a), 1, self.attention_channels),
            attention,
        )

    def model(self, *, symbolic_sizes=False, layer=None, **call_kwargs):
        """Return a functional model of the layer alone."""
        inputs = self.symbols(symbolic_sizes=symbolic_sizes)
        layer = layer or self.generic()
        return keras.Model(inputs, layer(*inputs, **call_kwargs))

    def symbols(self, *, symbolic_sizes=False):
        """Return symbolic inputs, of known spatial sizes or not."""
        shapes = self.resized(None, None) if symbolic_sizes else self.shapes
        return each_shape(lambda shape: keras.Input(shape[1:]), shapes)

    def resized(self, batch, size):
        """Return the shapes with another batch and other spatial sizes."""
        return tuple(
            (batch, *[size] * (len(shape) - 2), shape[-1])
            for shape in self.shapes
        )


@dataclasses.dataclass(frozen=True)
class QueryCase(Case):
    """A case of a layer of queries, a list of maps, and reference points.

    Only the maps have a data format.
    """

    def in_layout(self, inputs, data_format):
        query, values, *others = inputs
        return [query, to_layout(values, data_format), *others]

    def gradients_to_last(self, gradients, data_format):
        query, *values, points = gradients
        return [query, *super().gradients_to_last(values, data_format), points]

    def channels_first_axis(self, rank):
        """Return the last axis: that of the channels in either format."""
        return -1

    def resized(self, batch, size):
        query, values, points = self.shapes
        return (
            (batch, size, query[-1]),
            [(batch, size, size, shape[-1]) for shape in values],
            (batch, size, *points[2:]),
        )


def each_shape(function, shapes):
    """Return the results of a function of each shape, in lists as these."""
    return [
        each_shape(function, shape)
        if isinstance(shape, list)
        else function(shape)
        for shape in shapes
    ]


def each(function, inputs):
    """Return the results of a function of each input, in lists as these."""
    return keras.tree.map_structure(function, list(inputs))


def to_layout(shape_or_array, data_format):
    """Convert a shape or an array from `channels_last` to a data format."""
    if data_format == "channels_last":
        return shape_or_array
    if isinstance(shape_or_array, list):
        return [to_layout(item, data_format) for item in shape_or_array]
    if isinstance(shape_or_array, tuple):
        batch, *spatial, channels = shape_or_array
        return (batch, channels, *spatial)
    return np.moveaxis(shape_or_array, -1, 1)


def to_last(array, data_format):
    """Convert an array from a data format to `channels_last`."""
    array = to_numpy(array)
    last = data_format == "channels_last"
    return array if last else np.moveaxis(array, 1, -1)


def arguments(layer_cls):
    """Return the layer's own arguments and their defaults."""
    parameters = inspect.signature(layer_cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind != p.VAR_KEYWORD}


def flat(structure):
    """Return the leaves of an output or attention as NumPy arrays."""
    return [to_numpy(leaf) for leaf in keras.tree.flatten(structure)]


def float_leaves(structure):
    """Return the tensors of an output or attention that are not integers."""
    leaves = keras.tree.flatten(structure)
    return [leaf for leaf in leaves if "int" not in dtype_of(leaf)]


def dtype_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def to_numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


def quantize(model):
    """Quantize a model; Keras warns of sublayers without `quantize`."""
    with pytest.warns(UserWarning, match="not have a `quantize` method"):
        model.quantize("int8")


def assert_close(actual, expected, tolerance=1e-5):
    """Compare structures of arrays, relative to the largest value of each."""
    actual, expected = flat(actual), flat(expected)
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        assert a.shape == b.shape
        scale = np.abs(b).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def assert_same(actual, expected):
    """Compare structures of arrays to the last bit."""
    for a, b in zip(flat(actual), flat(expected), strict=True):
        np.testing.assert_array_equal(a, b)

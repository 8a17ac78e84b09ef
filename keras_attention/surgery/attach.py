"""Insertion of attention into a trained network."""

import json
import warnings

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation
from keras_attention.mixed import IdentityStart
from keras_attention.surgery import _graph
from keras_attention.surgery import _table
from keras_attention.surgery._clone import clone
from keras_attention.surgery._existing_attention import attention_gates
from keras_attention.surgery._insertion_points import Where
from keras_attention.surgery._insertion_points import data_format_of
from keras_attention.surgery._insertion_points import insertion_points
from keras_attention.surgery._insertion_points import select
from keras_attention.surgery._insertion_points import verbosity
from keras_attention.surgery._layer_factory import LayerFactory
from keras_attention.surgery._layer_factory import Template
from keras_attention.surgery._layer_factory import base_name
from keras_attention.surgery._layer_factory import passing_masks
from keras_attention.surgery._layer_factory import policy_for
from keras_attention.surgery._layer_factory import random_map
from keras_attention.surgery._layers import clone_layer

TOLERANCE = 1e-5


def attach(
    model: keras.Model,
    attention: Template,
    where: Where,
    *,
    identity: bool = True,
    verbose: int = 0,
) -> keras.Model:
    r"""Inserts attention after selected layers of a copy of a network.

    .. math::

        y = x + s\, (f(x) - x), \qquad s = 0 \text{ at the start}

    is computed after each layer that `where` selects, where :math:`x` is the
    output of the layer and :math:`f` is the attention: see
    `keras_attention.IdentityStart`. The new network therefore computes exactly
    what the old one computes, until it is trained. The first step of training
    changes the scales :math:`s`, the second step the weights of the attention
    too.

    An attention layer that is the identity when it is new is inserted without
    the scale. This is tested once for each configuration, on one random map, to
    a tolerance of :math:`10^{-5}`.

    The given model does not change. The new one is functional, is not compiled
    (unless its class does that), and has variables of its own: those of the
    copied layers with the old names and values, and those of the new layers.
    Models inside the model are copied and changed in the same way. A layer or a
    model that is called several times gets one attention layer, which is called
    as often.

    Args:
        model: Functional or Sequential model, built.
        attention: Layer that is used as a template and copied by its config;
            a name that `keras_attention.get` accepts, such as `"se"`; or a
            function `layer -> new layer`, for insertion points that need
            different layers. It must keep the shape.
        where: The layers to insert attention after. A regular expression that
            must match a name in full (or, if it contains `"/"`, the path of
            names to a layer in a model inside the model, such as
            `"resnet50/conv2_.*_out"`); a list of names or paths, such as the
            lists that `keras_attention.branch_ends`,
            `keras_attention.block_ends` and `keras_attention.stage_ends`
            return; or a function `layer -> bool`, which must accept any layer.
        identity: Whether the new network computes what the old one computes.
            With `False`, the attention is inserted without a scale, and the
            network has to be trained before it is useful again.
        verbose: 1 prints a table of the insertion points, with shapes and
            numbers of parameters.

    Returns:
        New functional model, or one of the class of `model` if that class
        overrides methods of Keras. A layer inserted after the layer `conv` is
        named `conv_squeeze_excite`, for example. `model.weights` is in Keras'
        order for the new graph: compare weights layer by layer, by name.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built; if `where` names a layer that does not exist, or selects
            none; if `attention` is not a layer and does not return one, does
            not accept one tensor, changes the shape, or has another data format
            than the model; if a layer cannot be made again from its config, or
            a class that overrides methods of Keras would be lost.

    Warns:
        UserWarning: If the network already has squeeze and excitation, as
            EfficientNet and MobileNetV3 have, or a gate of this package. The
            warning names these layers, so that attention is not
            doubled by mistake.

    Example:

    >>> inputs = keras.Input((8, 8, 4))
    >>> x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    >>> x = keras.layers.Add()([inputs, x])
    >>> model = keras.Model(inputs, x)
    >>> upgraded = keras_attention.attach(
    ...     model,
    ...     keras_attention.SqueezeExcite(reduction=2),
    ...     where=keras_attention.branch_ends(model),
    ...     verbose=1,
    ... )
    after  shape      inserted             parameters
    ------ ---------- -------------------- ----------
    conv   8 x 8 x 4  conv_squeeze_excite          20
    1 insertion point, 20 parameters added.
    >>> x = np.ones((1, 8, 8, 4))
    >>> bool(keras.ops.all(model(x) == upgraded(x)))
    True

    Note:
        Layers that are frozen in the given model, also inside composite layers,
        are frozen in the new one. Inserted layers are not frozen. Outputs keep
        the names that `compile(loss={...})` uses.

        Layers are copied by their config: `from_config` must accept what
        `get_config` returns, and make a layer that computes the same. This is
        tested once for layers that are not part of Keras or this package.

        A model whose class overrides methods that compute, predict or train
        keeps its class, if the class can be constructed from inputs and
        outputs. It also keeps its class if the class can be made from its
        config and all changes are in a model that the config names, such as the
        backbone of a keras-hub task. Attributes beside the graph (layers,
        weights, objects, functions) are copied. Otherwise an error names the
        methods that would be lost. If you want the bare graph, pass
        `keras.Model(model.input, model.output)`. A class that overrides no such
        method becomes a plain functional model if its constructor does not take
        `(inputs, outputs, name)`.
    """
    _graph.require_network(model)
    identity = validation.boolean("identity", identity)
    verbose = verbosity(verbose)
    candidates = insertion_points(model)
    chosen = select(candidates, where)
    data_format = data_format_of(model)
    names = {point.operation.name for point in candidates}
    inserter = _Inserter(
        LayerFactory("attention", attention, names, data_format),
        {id(point.operation) for point in chosen},
        identity,
        data_format,
    )
    gates = attention_gates(model)
    if gates:
        warnings.warn(_gates_message(gates), stacklevel=2)
    new = clone(
        model,
        insert_after=inserter.layers_after,
        changed={id(point.operation) for point in chosen},
    )
    if verbose:
        _print_table(chosen, inserter)
    return new


class _Inserter:
    """Makes the layers that are inserted after operations."""

    def __init__(self, factory, chosen, identity, data_format):
        self._factory = factory
        self._chosen = chosen
        self._identity = identity
        self._data_format = data_format
        # Whether a new layer is the identity, by its config.
        self._is_identity: dict[str, bool] = {}
        # The layers after an operation, by its `id`.
        self.inserted: dict[int, list[keras.layers.Layer]] = {}

    def layers_after(self, operation, outputs):
        """Return the layers to insert after an operation, which may be none."""
        key = id(operation)
        if key in self._chosen and key not in self.inserted:
            if len(outputs) > 1:
                raise ValueError(
                    "A layer that `where` selects must return one tensor. "
                    f"Received: layer={operation!r}"
                )
            layers = self._make(operation, outputs[0])
            self.inserted[key] = passing_masks(layers)
        return self.inserted.get(key, [])

    def _make(self, operation, tensor):
        factory = self._factory
        layer = factory.make(operation)
        shape = factory.output_shape(layer, tensor)
        if shape != tuple(tensor.shape):
            raise ValueError(
                "`attention` must keep the shape of its input. Received: "
                f"attention={layer!r}, input_shape={tuple(tensor.shape)}, "
                f"output_shape={shape}"
            )
        name = factory.unique_name(f"{operation.name}_{base_name(layer)}")
        if self._identity and not self._starts_as_identity(layer, tensor):
            return [
                IdentityStart(
                    layer,
                    data_format=self._data_format,
                    dtype=policy_for(layer, tensor.dtype),
                    name=name,
                )
            ]
        layer = factory.renamed(layer, name)
        return [layer, *factory.cast_layers(layer, tensor, name)]

    def _starts_as_identity(self, layer, tensor):
        """Return whether a new layer returns its input."""
        if layer.built:
            return _is_identity(layer, tensor)
        config = json.dumps(
            keras.saving.serialize_keras_object(clone_layer(layer, "copy"))
        )
        if config not in self._is_identity:
            self._is_identity[config] = _is_identity(clone_layer(layer), tensor)
        return self._is_identity[config]


def _is_identity(layer, tensor):
    """Return whether a layer returns a random map unchanged."""
    x = random_map(tensor.shape)
    try:
        y = ops.convert_to_numpy(layer(x))
    except Exception:  # The device or this map does not suit the layer.
        return False
    return y.shape == x.shape and bool(
        np.abs(y - x).max() <= TOLERANCE * np.abs(x).max()
    )


def _gates_message(gates):
    names = ", ".join(gates[:3]) + (", ..." if len(gates) > 3 else "")
    return (
        f"The model already has {len(gates)} attention gate"
        f"{'s' * (len(gates) > 1)}: {names}. `attach` keeps them and inserts "
        "its layers in addition."
    )


def _print_table(chosen, inserter):
    """Print the inserted layers and their insertion points."""
    rows = []
    for point in chosen:
        layers = inserter.inserted[id(point.operation)]
        count = sum(layer.count_params() for layer in layers)
        shape = _table.shape(point.shape)
        rows.append([point.path, shape, layers[0].name, count])
    _table.show(["after", "shape", "inserted", "parameters"], rows)

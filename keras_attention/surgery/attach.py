"""Insertion of attention into a trained network."""

import json
import warnings

import keras
import numpy as np
from keras import ops

from keras_attention import _arguments
from keras_attention.surgery import _graph
from keras_attention.surgery import _table
from keras_attention.surgery._fresh import Fresh
from keras_attention.surgery._fresh import Template
from keras_attention.surgery._fresh import base_name
from keras_attention.surgery._fresh import passing_masks
from keras_attention.surgery._fresh import policy_for
from keras_attention.surgery._fresh import sample
from keras_attention.surgery._gates import gates
from keras_attention.surgery._layers import copied
from keras_attention.surgery._places import Where
from keras_attention.surgery._places import layout_of
from keras_attention.surgery._places import places
from keras_attention.surgery._places import selected
from keras_attention.surgery._places import verbosity
from keras_attention.surgery._rebuild import Rebuild
from keras_attention.surgery.identity_start import IdentityStart

TOLERANCE = 1e-5


def attach(
    model: keras.Model,
    attention: Template,
    where: Where,
    *,
    identity: bool = True,
    verbose: int = 0,
) -> keras.Model:
    r"""Inserts attention behind selected layers of a copy of a network.

    .. math::

        y = x + s\, (f(x) - x), \qquad s = 0 \text{ at the start}

    follows each layer that `where` selects, where :math:`x` is what the layer
    returns and :math:`f` is the attention: see `keras_attention.IdentityStart`.
    So the new network computes exactly what the old one did, until it is
    trained; then the scales :math:`s` move in the first step, and the weights
    of the attention in the second. An attention that is the identity by itself
    when it is new (to :math:`10^{-5}`, which is tried once for each
    configuration, on one random map) is inserted as it is.

    The given model is left as it was. The new one is functional, is not
    compiled (unless its class does that), and has variables of its own: the
    layers of the old names with the old values, and new ones. Models in the
    model are copied and changed in the same way; a layer or a model that is
    called several times gets one attention that is called as often.

    Args:
        model: Functional or Sequential model, built.
        attention: Layer used as a template, which is copied by its config; or
            a function `layer -> new layer`, for places that are not alike. It
            must keep the shape.
        where: Which layers. A regular expression that must match a name in
            full (or, if it contains `"/"`, the path of names to a layer in a
            model in the model, such as `"resnet50/conv2_.*_out"`); a list of
            names or paths, such as the lists that
            `keras_attention.branch_ends`, `keras_attention.block_ends` and
            `keras_attention.stage_ends` return; or a function `layer -> bool`,
            which must accept any layer.
        identity: Whether the new network is to compute what the old one did.
            With `False` the attention is inserted as it is, and the network has
            to be trained to get used to it.
        verbose: 1 prints a table of the places, with shapes and numbers of
            parameters.

    Returns:
        New functional model, or one of the class of `model` if that overrides
        methods of Keras. What was inserted after a layer `conv` is named
        `conv_squeeze_excite`, say. The order of `model.weights` is Keras' order
        of the new graph: compare layer by layer, by name.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built; if `where` names a layer that is not there, or selects
            none; if `attention` is no layer and returns none, is not called
            with one tensor, changes the shape, or has another data format than
            the model; if a layer cannot be made again from its config, or a
            class that overrides methods of Keras would be lost.

    Warns:
        UserWarning: If the network has squeeze and excitation, or a layer of
            this package, already (EfficientNet and MobileNetV3 have): names the
            places, so that nothing is doubled by mistake.

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
    -----  ---------  -------------------  ----------
    conv   8 x 8 x 4  conv_squeeze_excite          20
    1 place, 20 parameters added.
    >>> x = np.ones((1, 8, 8, 4))
    >>> bool(keras.ops.all(model(x) == upgraded(x)))
    True

    Note:
        What is frozen in the given model, also inside layers that hold layers,
        is frozen in the new one; what is inserted is not. Outputs keep the
        names that `compile(loss={...})` uses.

        Layers are copied by their config: `from_config` must accept what
        `get_config` returns, and make a layer that computes the same, which is
        tried once for layers from outside Keras and this package.

        A model whose class overrides methods that compute, predict or train
        keeps its class, if the class can be made of inputs and outputs; or of
        its config, where all that is changed is in a model that the config
        names (such as the backbone of a keras-hub task). What it holds beside
        its graph (layers, weights, objects, functions) is copied. Else it is
        refused, by the name of what would be lost. To have its bare graph, give
        `keras.Model(model.input, model.output)`. A class that overrides nothing
        of that kind becomes a plain functional model if it is not made of
        `(inputs, outputs, name)`.
    """
    _graph.require_network(model)
    identity = _arguments.boolean("identity", identity)
    verbose = verbosity(verbose)
    among = places(model)
    chosen = selected(among, where)
    layout = layout_of(model)
    inserter = _Inserter(
        Fresh(
            "attention", attention, {p.operation.name for p in among}, layout
        ),
        {id(place.operation) for place in chosen},
        identity,
        layout,
    )
    present = gates(model)
    if present:
        warnings.warn(_about(present), stacklevel=2)
    new = Rebuild(
        follow=inserter.after,
        changed={id(place.operation) for place in chosen},
    ).model(model)
    if verbose:
        _tell(chosen, inserter)
    return new


class _Inserter:
    """Says which new layers follow an operation, and remembers them."""

    def __init__(self, fresh, chosen, identity, layout):
        self._fresh = fresh
        self._chosen = chosen
        self._identity = identity
        self._layout = layout
        self._starts: dict[str, bool] = {}
        self.inserted: dict[int, list[keras.layers.Layer]] = {}

    def after(self, operation, outputs):
        """Return what follows, which is nothing in most places."""
        key = id(operation)
        if key in self._chosen and key not in self.inserted:
            if len(outputs) > 1:
                raise ValueError(
                    "A layer that `where` selects must return one tensor. "
                    f"Received: layer={operation!r}"
                )
            layers = self._new(operation, outputs[0])
            self.inserted[key] = passing_masks(layers)
        return self.inserted.get(key, [])

    def _new(self, operation, tensor):
        layer = self._fresh.layer(operation)
        shape = self._fresh.output_shape(layer, tensor)
        if shape != tuple(tensor.shape):
            raise ValueError(
                "`attention` must keep the shape of its input. Received: "
                f"attention={layer!r}, input_shape={tuple(tensor.shape)}, "
                f"output_shape={shape}"
            )
        name = self._fresh.free_name(f"{operation.name}_{base_name(layer)}")
        if self._identity and not self._starts_as_identity(layer, tensor):
            return [
                IdentityStart(
                    layer,
                    data_format=self._layout,
                    dtype=policy_for(layer, tensor.dtype),
                    name=name,
                )
            ]
        layer = self._fresh.named(layer, name)
        return [layer, *self._fresh.cast(layer, tensor, name)]

    def _starts_as_identity(self, layer, tensor):
        """Return whether a layer returns what it gets while it is new."""
        if layer.built:
            return _is_identity(layer, tensor)
        config = json.dumps(
            keras.saving.serialize_keras_object(copied(layer, "copy"))
        )
        if config not in self._starts:
            self._starts[config] = _is_identity(copied(layer), tensor)
        return self._starts[config]


def _is_identity(layer, tensor):
    """Return whether a layer returns a random map as it was."""
    x = sample(tensor.shape)
    try:
        y = ops.convert_to_numpy(layer(x))
    except Exception:  # not for this device, or not for this place
        return False
    return y.shape == x.shape and bool(
        np.abs(y - x).max() <= TOLERANCE * np.abs(x).max()
    )


def _about(present):
    named = ", ".join(present[:3]) + (", ..." if len(present) > 3 else "")
    return (
        f"The model has {len(present)} attention gate"
        f"{'s' * (len(present) > 1)} of its own, which stay: {named}. What is "
        "attached comes on top of them."
    )


def _tell(chosen, inserter):
    """Print what was inserted where."""
    rows = []
    for place in chosen:
        layers = inserter.inserted[id(place.operation)]
        count = sum(layer.count_params() for layer in layers)
        shape = _table.shape(place.shape)
        rows.append([place.path, shape, layers[0].name, count])
    print(_table.text(["after", "shape", "inserted", "parameters"], rows))

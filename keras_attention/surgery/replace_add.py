"""Attentional fusion in place of residual additions."""

import keras
import numpy as np
from keras import ops

from keras_attention import _arguments
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.surgery import _graph
from keras_attention.surgery import _table
from keras_attention.surgery._additions import additions
from keras_attention.surgery._fresh import Fresh
from keras_attention.surgery._fresh import Template
from keras_attention.surgery._fresh import base_name
from keras_attention.surgery._fresh import passing_masks
from keras_attention.surgery._fresh import sample
from keras_attention.surgery._places import Where
from keras_attention.surgery._places import layout_of
from keras_attention.surgery._places import places
from keras_attention.surgery._places import selected
from keras_attention.surgery._places import verbosity
from keras_attention.surgery._rebuild import Rebuild


def replace_add(
    model: keras.Model,
    fusion: Template,
    where: Where | None = None,
    *,
    identity: bool = True,
    verbose: int = 0,
) -> keras.Model:
    r"""Replaces residual additions in a copy of a network by fusion layers.

    .. math::

        x + r \;\longrightarrow\; 2\, w\, x + 2\, (1 - w)\, r, \qquad
        w = \tfrac{1}{2} \text{ at the start}

    where :math:`x` is the branch, :math:`r` the shortcut (the graph says which
    is which, as for `keras_attention.branch_ends`), and :math:`w` the
    weight that `fusion` finds. The new network computes what the old one did,
    as near as the arithmetic allows, until it is trained:

    * `keras_attention.AttentionalFeatureFusion` has the factor 2. The scales of
      the batch norms that end its contexts start at zero, which makes
      :math:`w = 1/2` in training and in inference. The sum is then that of
      `Add` but for the rounding of :math:`2 (r + (x - r) / 2)`, some
      :math:`10^{-7}` of the larger of the two in float32.
    * `keras_attention.IterativeAttentionalFeatureFusion` has no factor: at
      :math:`w = 1/2` it is the mean, and it cannot be a sum at any weights
      between 0 and 1. A `keras.layers.Rescaling` by 2 behind it makes up for
      that. The scales that start at zero are those of its second pass.
    * Any other layer of two inputs is inserted as it is. How far it is from the
      sum, for one random pair of maps, `verbose=1` says for all.

    The scales are the first to be trained, in the second step all weights are.

    Args:
        model: Functional or Sequential model, built.
        fusion: Layer used as a template, which is copied by its config; or a
            function `addition -> new layer`, which is given the layer (or
            operation) that adds. It is called with the branch and the shortcut.
        where: Which of the residual additions, as for
            `keras_attention.attach`. `None` for all of two inputs.
        identity: Whether the new network is to start from the sums. With
            `False` layers are inserted as they are, and nothing behind them.
        verbose: 1 prints a table of the places, with shapes, numbers of
            parameters, and how far from the sum each fusion starts, relative to
            the largest value.

    Returns:
        New functional model, as that of `keras_attention.attach`. What takes
        the place of `add` is named `add_attentional_feature_fusion`, say.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built; if `where` names what is not there, or selects no
            residual addition of two inputs; if `fusion` is no layer and returns
            none, is not called with two tensors, `fusion(x, residual)`, changes
            the shape, or has another data format than the model.

    Example:

    >>> inputs = keras.Input((8, 8, 4))
    >>> x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    >>> x = keras.layers.Add(name="add")([inputs, x])
    >>> model = keras.Model(inputs, x)
    >>> upgraded = keras_attention.replace_add(
    ...     model, keras_attention.AttentionalFeatureFusion(reduction=2)
    ... )
    >>> x = np.ones((1, 8, 8, 4))
    >>> bool(keras.ops.all(keras.ops.isclose(model(x), upgraded(x))))
    True

    Reference:
        `Attentional Feature Fusion <https://arxiv.org/abs/2009.14082>`_, whose
        networks are trained with fusions from the start.

    Note:
        What is said of frozen layers, of copies, of classes and of compiling
        under `keras_attention.attach` holds here as well. A layer that adds
        with a factor of its own, as in Inception-ResNet, is left alone.
    """
    _graph.require_network(model)
    identity = _arguments.boolean("identity", identity)
    verbose = verbosity(verbose)
    found = {
        id(addition.call.outputs[0]): addition
        for _, _, graph in _graph.networks(model)
        for addition in additions(graph)
        if len(addition.branches) == 1
        and type(addition.call.operation).__name__ == "Add"
    }
    adding = {id(a.call.operation) for a in found.values()}
    among = places(model)
    fit = [place for place in among if id(place.operation) in adding]
    chosen = fit
    if where is not None:
        wanted = {id(place.operation) for place in selected(among, where)}
        chosen = [place for place in fit if id(place.operation) in wanted]
    if not chosen:
        raise ValueError(
            "`where` must select a residual addition of two maps. "
            f"Received: where={where!r}"
        )
    fresh = Fresh(
        "fusion",
        fusion,
        {place.operation.name for place in among},
        layout_of(model),
    )
    wanted = {id(place.operation) for place in chosen}
    replacer = _Replacer(
        fresh,
        {
            tensor: addition
            for tensor, addition in found.items()
            if id(addition.call.operation) in wanted
        },
        identity,
    )
    new = Rebuild(replace=replacer.instead, changed=wanted).model(model)
    if identity:
        for layers in replacer.made.values():
            _start_as_mean(layers[0])
    if verbose:
        _tell(chosen, replacer.made)
    return new


class _Replacer:
    """Says which layers take the place of a call, and remembers them."""

    def __init__(self, fresh, additions_by_output, identity):
        self._fresh = fresh
        self._additions = additions_by_output
        self._identity = identity
        self.made: dict[int, list[keras.layers.Layer]] = {}

    def instead(self, call):
        """Return the layers for a call and what they are called on."""
        addition = self._additions.get(id(call.outputs[0]))
        if addition is None:
            return None
        key = id(call.operation)
        if key not in self.made:
            self.made[key] = self._new(call, addition)
        return self.made[key], [*addition.branches, addition.shortcut]

    def _new(self, call, addition):
        layer = self._fresh.layer(call.operation)
        self._fresh.output_shape(layer, *addition.branches, addition.shortcut)
        name = f"{call.operation.name}_{base_name(layer)}"
        name = self._fresh.free_name(name)
        layers = [self._fresh.named(layer, name)]
        if self._identity and isinstance(
            layer, IterativeAttentionalFeatureFusion
        ):
            doubled = self._fresh.free_name(f"{name}_doubled")
            layers.append(
                keras.layers.Rescaling(
                    2.0, dtype=layer.dtype_policy, name=doubled
                )
            )
        layers += self._fresh.cast(layer, call.outputs[0], name)
        return passing_masks(layers)


def _start_as_mean(layer):
    """Let a fusion of this package weigh both of its inputs the same."""
    contexts = []
    if isinstance(layer, AttentionalFeatureFusion):
        contexts = [layer.local_context, layer.global_context]
    if isinstance(layer, IterativeAttentionalFeatureFusion):
        contexts = [layer.second_local_context, layer.second_global_context]
    for context in contexts:
        gamma = context.expand_norm.gamma
        gamma.assign(ops.zeros(gamma.shape))


def _deviation(layers, shape) -> float:
    """Return how far from the sum layers are, for one pair of maps."""
    x, residual = sample(shape, 0), sample(shape, 1)
    outputs = layers[0](x, residual)
    for layer in layers[1:]:
        outputs = layer(outputs)
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    total = x + residual
    return float(np.abs(outputs - total).max() / np.abs(total).max())


def _tell(chosen, made):
    """Print what took the place of what."""
    rows = []
    for place in chosen:
        layers = made[id(place.operation)]
        rows.append(
            [
                place.path,
                _table.shape(place.shape),
                layers[0].name,
                f"{_deviation(layers, place.shape):.0e}",
                layers[0].count_params(),
            ]
        )
    header = ["in place of", "shape", "inserted", "off the sum", "parameters"]
    print(_table.text(header, rows))

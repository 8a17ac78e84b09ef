"""Replacement of residual additions by attentional fusion."""

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation
from keras_attention.fusion import AttentionalFeatureFusion
from keras_attention.fusion import IterativeAttentionalFeatureFusion
from keras_attention.surgery import _graph
from keras_attention.surgery import _table
from keras_attention.surgery._additions import additions
from keras_attention.surgery._clone import clone
from keras_attention.surgery._insertion_points import Where
from keras_attention.surgery._insertion_points import data_format_of
from keras_attention.surgery._insertion_points import insertion_points
from keras_attention.surgery._insertion_points import select
from keras_attention.surgery._insertion_points import verbosity
from keras_attention.surgery._layer_factory import LayerFactory
from keras_attention.surgery._layer_factory import Template
from keras_attention.surgery._layer_factory import base_name
from keras_attention.surgery._layer_factory import passing_masks
from keras_attention.surgery._layer_factory import random_map


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

    where :math:`x` is the branch, :math:`r` the shortcut and :math:`w` the
    weight that `fusion` computes. `keras_attention.branch_ends` describes how
    branch and shortcut are found. The new network computes what the old one
    computes, up to rounding, until it is trained:

    * `keras_attention.AttentionalFeatureFusion` contains the factor 2. The
      scales of the batch normalizations at the end of its contexts start at
      zero, which makes :math:`w = 1/2` in training and in inference. The result
      is the sum up to the rounding of :math:`2 (r + (x - r) / 2)`, about
      :math:`10^{-7}` of the larger of the two maps in float32.
    * `keras_attention.IterativeAttentionalFeatureFusion` has no such factor:
      its result is the mean at :math:`w = 1/2`, and no weights between 0 and 1
      make it a sum. A `keras.layers.Rescaling` by 2 is inserted after it. The
      scales that start at zero are those of its second pass.
    * Any other layer of two inputs is inserted unchanged. With `verbose=1`, the
      table reports how much each new layer differs from the sum, for one random
      pair of maps.

    The first step of training changes the scales, the second all weights.

    Args:
        model: Functional or Sequential model, built.
        fusion: Layer that is used as a template and copied by its config; a
            name that `keras_attention.get` accepts, such as `"aff"`; or a
            function `addition -> new layer`, whose argument is the layer (or
            operation) that adds. The layer is called with the branch and the
            shortcut.
        where: The residual additions to replace, as for
            `keras_attention.attach`. `None` for all that have two inputs.
        identity: Whether the new network starts from the sums. With `False`,
            layers are inserted unchanged, and no `Rescaling` after them.
        verbose: 1 prints a table of the replaced additions, with shapes,
            numbers of parameters, and the difference between the sum and the
            output of the new layer, relative to the largest value.

    Returns:
        New functional model, as that of `keras_attention.attach`. The layer
        that replaces `add` is named `add_attentional_feature_fusion`, for
        example.

    Raises:
        ValueError: If `model` is not a functional or Sequential model, or is
            not built; if `where` names a layer that does not exist, or selects
            no residual addition of two inputs; if `fusion` is not a layer and
            does not return one, does not accept two tensors,
            `fusion(x, residual)`, changes the shape, or has another data format
            than the model.

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
        The notes of `keras_attention.attach` on frozen layers, copies, classes
        and compiling apply here too. A layer that scales a branch before it
        adds, as in Inception-ResNet, is not replaced.
    """
    _graph.require_network(model)
    identity = validation.boolean("identity", identity)
    verbose = verbosity(verbose)
    found = {
        id(addition.call.outputs[0]): addition
        for _, _, graph in _graph.networks(model)
        for addition in additions(graph)
        if len(addition.branches) == 1
        and type(addition.call.operation).__name__ == "Add"
    }
    adding = {id(a.call.operation) for a in found.values()}
    candidates = insertion_points(model)
    replaceable = [p for p in candidates if id(p.operation) in adding]
    chosen = replaceable
    if where is not None:
        selected = {id(p.operation) for p in select(candidates, where)}
        chosen = [p for p in replaceable if id(p.operation) in selected]
    if not chosen:
        raise ValueError(
            "`where` must select a residual addition of two maps. "
            f"Received: where={where!r}"
        )
    factory = LayerFactory(
        "fusion",
        fusion,
        {point.operation.name for point in candidates},
        data_format_of(model),
    )
    changed = {id(point.operation) for point in chosen}
    replacer = _Replacer(
        factory,
        {
            tensor: addition
            for tensor, addition in found.items()
            if id(addition.call.operation) in changed
        },
        identity,
    )
    new = clone(model, replace=replacer.replacement, changed=changed)
    if identity:
        for layers in replacer.made.values():
            _start_as_mean(layers[0])
    if verbose:
        _print_table(chosen, replacer.made)
    return new


class _Replacer:
    """Makes the layers that replace additions."""

    def __init__(self, factory, additions_by_output, identity):
        self._factory = factory
        self._additions = additions_by_output
        self._identity = identity
        # The new layers, by the `id` of the operation that they replace.
        self.made: dict[int, list[keras.layers.Layer]] = {}

    def replacement(self, call):
        """Return the layers that replace a call, and their input tensors."""
        addition = self._additions.get(id(call.outputs[0]))
        if addition is None:
            return None
        key = id(call.operation)
        if key not in self.made:
            self.made[key] = self._make(call, addition)
        return self.made[key], [*addition.branches, addition.shortcut]

    def _make(self, call, addition):
        factory = self._factory
        layer = factory.make(call.operation)
        factory.output_shape(layer, *addition.branches, addition.shortcut)
        name = f"{call.operation.name}_{base_name(layer)}"
        name = factory.unique_name(name)
        layers = [factory.renamed(layer, name)]
        if self._identity and isinstance(
            layer, IterativeAttentionalFeatureFusion
        ):
            doubled = factory.unique_name(f"{name}_doubled")
            layers.append(
                keras.layers.Rescaling(
                    2.0, dtype=layer.dtype_policy, name=doubled
                )
            )
        layers += factory.cast_layers(layer, call.outputs[0], name)
        return passing_masks(layers)


def _start_as_mean(layer):
    """Set scales of a fusion to zero, so that both weights are 1/2."""
    contexts = []
    if isinstance(layer, AttentionalFeatureFusion):
        contexts = [layer.local_context, layer.global_context]
    if isinstance(layer, IterativeAttentionalFeatureFusion):
        contexts = [layer.second_local_context, layer.second_global_context]
    for context in contexts:
        gamma = context.expand_norm.gamma
        gamma.assign(ops.zeros(gamma.shape))


def _difference(layers, shape) -> float:
    """Return how much layers differ from the sum, for a random pair of maps."""
    x, residual = random_map(shape, 0), random_map(shape, 1)
    outputs = layers[0](x, residual)
    for layer in layers[1:]:
        outputs = layer(outputs)
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    expected = x + residual
    return float(np.abs(outputs - expected).max() / np.abs(expected).max())


def _print_table(chosen, made):
    """Print the replaced additions and the layers that replace them."""
    rows = []
    for point in chosen:
        layers = made[id(point.operation)]
        rows.append(
            [
                point.path,
                _table.shape(point.shape),
                layers[0].name,
                f"{_difference(layers, point.shape):.0e}",
                layers[0].count_params(),
            ]
        )
    header = ["replaced", "shape", "inserted", "difference", "parameters"]
    _table.show(header, rows)

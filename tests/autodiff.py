"""Automatic differentiation and compilation on the three backends."""

import contextlib
import os

import keras
import numpy as np
import pytest
from keras import ops

BACKEND = keras.config.backend()
# Whether compiled backends run all tests, as PyTorch does.
THOROUGH = {"all": True, "some": False, "few": False}[
    os.environ.get("TESTS", "all" if BACKEND == "torch" else "some")
]

# Eager PyTorch has no compiler. Eager JAX compiles each operation separately:
# it computes the same gradients, but takes minutes. Tests of the forward pass
# cover eager JAX.
BOTH_WAYS = pytest.mark.parametrize(
    "compiled",
    {"jax": [True], "tensorflow": [False, True]}.get(BACKEND, [False]),
    ids=lambda compiled: "compiled" if compiled else "eager",
)

# Arguments of `compile`, by the way in which `fit` runs. Keras uses XLA by
# default, except on PyTorch, where it advises against compilation. `vjp` covers
# eager execution on the other backends.
FIT_MODES = {
    "jax": {"xla": {"jit_compile": True}},
    "tensorflow": {
        "graph": {"jit_compile": False},
        "xla": {"jit_compile": True},
    },
    "torch": {"eager": {"run_eagerly": True}},
}.get(BACKEND, {})


def subset(values, of=4):
    """Return the values to test with: all on PyTorch, one of every `of`
    elsewhere.

    For tests that depend on Keras more than on a backend, where compilation
    takes most of the time. With `TESTS=all` in the environment, all backends
    test all values.
    """
    return list(values)[:: 1 if THOROUGH else of]


class Calls(keras.layers.Layer):
    """Layer that calls a function, so that its gradients can be computed."""

    def __init__(self, function):
        super().__init__()
        self.built = True
        self.function = function

    def call(self, *inputs, training=None):
        return self.function(*inputs)


def vjp(layer, inputs, cotangent, *, training=False, compiled=BACKEND == "jax"):
    """Compute outputs and gradients of a layer (vector-Jacobian product).

    Returns `outputs`, the gradients of `sum(outputs * cotangent)` to each of
    `inputs` (those of a list one after the other), and those to the trainable
    weights by role (the path without the layer's own name). All are NumPy
    arrays, with zeros if there is no gradient. Training mode updates the
    layer's statistics. `compiled` uses the compiler of the backend; eager
    PyTorch has none. Without `compiled`, JAX compiles each operation
    separately, which takes longer.
    """
    inputs = keras.tree.map_structure(ops.convert_to_tensor, list(inputs))
    cotangent = ops.convert_to_tensor(cotangent)
    if not layer.built:
        layer.build(*shapes_of(inputs))
    run = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}[BACKEND]
    outputs, grads = run(layer, inputs, cotangent, training, compiled)
    grads = [ops.convert_to_numpy(grad) for grad in grads]
    roles = [role(weight) for weight in layer.trainable_weights]
    count = len(keras.tree.flatten(inputs))
    return (
        ops.convert_to_numpy(outputs),
        grads[:count],
        dict(zip(roles, grads[count:], strict=True)),
    )


def shapes_of(inputs):
    """Return the shapes of tensors and of lists of tensors."""
    return keras.tree.map_structure(lambda x: tuple(x.shape), list(inputs))


def forward(layer, *inputs, **kwargs):
    """Call a layer; on JAX the whole call is compiled at once.

    This takes less time than compiling each operation, if no other test uses
    the same shapes and dtypes.
    """
    if BACKEND != "jax":
        return layer(*inputs, **kwargs)
    import jax

    if not layer.built:
        layer.build(*shapes_of(inputs))

    def call(values, inputs):
        # `stateless_call` of Keras would not cast the inputs.
        variables = zip(layer.variables, values, strict=True)
        with keras.StatelessScope(list(variables)):
            return layer(*inputs, **kwargs)

    run = _kept(layer, repr(kwargs), lambda: jax.jit(call))
    return run([variable.value for variable in layer.variables], inputs)


def loss_gradients(model, x, y, **kwargs):
    """Return the gradients of a model's own training loss, by role.

    The gradients of weights without effect on the loss are zero.
    """
    run = {
        "jax": _jax_loss,
        "tensorflow": _tensorflow_loss,
        "torch": _torch_loss,
    }[BACKEND]
    weights = model.trainable_weights
    grads = run(model, [w.value for w in weights], {"x": x, "y": y, **kwargs})
    return {
        role(weight): np.zeros(weight.shape)
        if grad is None
        else np.asarray(ops.convert_to_numpy(grad))
        for weight, grad in zip(weights, grads, strict=True)
    }


def role(weight):
    """Return the path of a weight inside its layer, such as `conv/kernel`."""
    return weight.path.partition("/")[2]


def float64():
    """Return a context in which the backend supports float64."""
    if BACKEND == "jax":
        import jax

        return jax.enable_x64(True)
    return contextlib.nullcontext()


def _tensorflow(layer, inputs, cotangent, training, compiled):
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def traced():
        return run()

    def run():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(*inputs, training=training)
            loss = tf.reduce_sum(outputs * cotangent)
        weights = [weight.value for weight in layer.trainable_weights]
        return outputs, tape.gradient(
            loss,
            [*keras.tree.flatten(inputs), *weights],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    return traced() if compiled else run()


def _tensorflow_loss(model, weights, arguments):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = model.compute_loss(**arguments)
    return tape.gradient(loss, weights)


def _jax(layer, inputs, cotangent, training, compiled):
    import jax

    def loss(inputs, weights, frozen, cotangent):
        outputs, state = layer.stateless_call(
            weights, frozen, *inputs, training=training
        )
        return (outputs * cotangent).sum(), (outputs, state)

    run = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    if compiled:
        gradient = run
        run = _kept(layer, training, lambda: jax.jit(gradient))
    weights, frozen = _values(layer, True), _values(layer, False)
    (_, (outputs, state)), grads = run(inputs, weights, frozen, cotangent)
    for variable, value in zip(
        layer.non_trainable_variables, state, strict=True
    ):
        variable.assign(value)
    return outputs, [*keras.tree.flatten(grads[0]), *grads[1]]


def _values(layer, trainable):
    """Return the tensors of a layer's variables, trainable ones or others."""
    variables = (
        layer.trainable_variables
        if trainable
        else layer.non_trainable_variables
    )
    return [variable.value for variable in variables]


def _kept(layer, key, make):
    """Cache a function of a layer, so that it is compiled once."""
    # In `vars(layer)`, because Keras would track and save an attribute.
    return vars(layer).setdefault("_kept", {}).setdefault(key, make())


def _jax_loss(model, weights, arguments):
    import jax

    others = (model.non_trainable_variables, model.metrics_variables)
    others = [[variable.value for variable in group] for group in others]

    def loss(weights):
        return model.stateless_compute_loss(weights, *others, **arguments)[0]

    return jax.jit(jax.grad(loss))(weights)


def _torch(layer, inputs, cotangent, training, compiled):
    import torch

    inputs = keras.tree.map_structure(
        lambda x: x.detach().clone().requires_grad_(), inputs
    )
    outputs = layer(*inputs, training=training)
    weights = [weight.value for weight in layer.trainable_weights]
    loss = (outputs * cotangent).sum()
    return outputs, torch.autograd.grad(
        loss, [*keras.tree.flatten(inputs), *weights], materialize_grads=True
    )


def _torch_loss(model, weights, arguments):
    import torch

    loss = model.compute_loss(**arguments)
    return torch.autograd.grad(loss, weights, allow_unused=True)


def compiled(function):
    """Return a function of tensors as a graph, if the backend has graphs."""
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    return function

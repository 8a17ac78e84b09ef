"""Runner of JAX: a jitted function of weights and inputs.

"aot" is compiled ahead of time, which reports the memory.
"""

import functools

import jax
import keras

from benchmarks.runners import arguments
from benchmarks.runners import cotangent
from benchmarks.runners import role

WAYS = ("eager", "jit")


def ours(layer, arrays, training, way):
    """Run a layer."""
    kwargs = arguments(layer, training)
    rest = [weight.value for weight in layer.non_trainable_variables]

    def function(weights, rest, *inputs):
        # In the layer's order, as JAX sorts dictionaries.
        ordered = [weights[role(w)] for w in layer.trainable_variables]
        state = [
            *zip(layer.trainable_variables, ordered, strict=True),
            *zip(layer.non_trainable_variables, rest, strict=True),
        ]
        # Not `stateless_call`, which leaves out the casts of `__call__`.
        with keras.StatelessScope(state) as scope:
            outputs = layer(*inputs, **kwargs)
        return outputs, [
            scope.get_current_value(w) for w in layer.non_trainable_variables
        ]

    return _run(function, layer, rest, arrays, training, way)


def baseline(function, layer, arrays, training, way):
    """Run a baseline, which returns its outputs and new statistics."""
    config = layer.get_config()
    half = layer.compute_dtype != "float32" and layer.compute_dtype
    rest = {role(w): w.value for w in layer.non_trainable_variables}

    def call(weights, rest, *inputs):
        values = {**weights, **rest}
        if half:
            values = {k: v.astype(half) for k, v in values.items()}
        outputs, rest = function(
            values, *inputs, config=config, training=training
        )
        return outputs.astype(layer.compute_dtype), rest

    return _run(call, layer, rest, arrays, training, way)


def _run(function, layer, rest, arrays, training, way):
    weights = {role(w): w.value for w in layer.trainable_variables}
    dtype = layer.compute_dtype
    inputs = [jax.numpy.asarray(x, dtype) for x in arrays]
    constant = jax.numpy.asarray(cotangent(layer, arrays), dtype)

    def forward(weights, rest, *inputs):
        return function(weights, rest, *inputs)[0]

    def step(weights, rest, *inputs):
        outputs, pull, rest = jax.vjp(
            lambda weights, inputs: function(weights, rest, *inputs),
            weights,
            inputs,
            has_aux=True,
        )
        of_weights, of_inputs = pull(constant)
        return outputs, of_inputs, of_weights, rest

    run = step if training else forward
    if way == "jit":
        run = jax.jit(run)
    if way == "aot":
        run = jax.jit(run).lower(weights, rest, *inputs).compile()

    def wait():
        return jax.block_until_ready(run(weights, rest, *inputs))

    wait.run = run
    wait.launch = functools.partial(run, weights, rest, *inputs)
    return wait


def peak_bytes(step):
    """Return the peak memory of a function compiled ahead of time."""
    sizes = step.run.memory_analysis()
    return (
        sizes.argument_size_in_bytes
        + sizes.output_size_in_bytes
        + sizes.temp_size_in_bytes
    )

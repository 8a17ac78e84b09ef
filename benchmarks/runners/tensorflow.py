"""Runner of TensorFlow: eager, as a graph, and as a graph compiled by XLA."""

import tensorflow as tf

from benchmarks.runners import arguments
from benchmarks.runners import cotangent
from benchmarks.runners import role

WAYS = ("eager", "graph", "xla")


def ours(layer, arrays, training, way):
    """Run a layer."""
    kwargs = arguments(layer, training)
    weights = {role(w): w.value for w in layer.trainable_variables}

    def function(*inputs):
        return layer(*inputs, **kwargs)

    return _run(function, weights, layer, arrays, training, way)


def baseline(function, layer, arrays, training, way):
    """Run a baseline, which assigns to its statistics."""
    config = layer.get_config()
    values = {role(w): tf.Variable(w.value) for w in layer.variables}
    weights = {role(w): values[role(w)] for w in layer.trainable_variables}

    def call(*inputs):
        return function(values, *inputs, config=config, training=training)

    return _run(call, weights, layer, arrays, training, way)


def _run(function, weights, layer, arrays, training, way):
    inputs = [tf.constant(x) for x in arrays]
    constant = tf.constant(cotangent(layer, arrays))

    def step(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(*inputs)
        of_inputs, of_weights = tape.gradient(
            outputs, (inputs, weights), output_gradients=constant
        )
        return outputs, of_inputs, of_weights

    run = step if training else function
    if way != "eager":
        run = tf.function(run, jit_compile=way == "xla", autograph=False)

    def wait():
        found = run(*inputs)
        if tf.config.list_physical_devices("GPU"):
            tf.test.experimental.sync_devices()
        return found

    wait.run, wait.inputs = run, inputs
    return wait


def peak_bytes(step):
    """Return the memory of arguments, outputs and temporary buffers of XLA."""
    from tensorflow.compiler.xla.service import hlo_pb2

    compiled = step.run.experimental_get_compiler_ir(*step.inputs)
    program = hlo_pb2.HloProto.FromString(
        compiled(stage="optimized_hlo_proto_serialized")
    )
    return sum(
        buffer.size
        for buffer in program.buffer_assignment.buffer_allocations
        if not buffer.is_thread_local and not buffer.is_constant
    )

"""Computes the generated cases on one backend, and writes the results.

`python -m parity.worker [--rounding] OUT.npz COUNT [NAME ...]` takes `COUNT`
cases of each name, or with `--turn 0` or `--turn 1` every other one of these.
An array is named `CASE/outputs`, `CASE/attention/...`, `CASE/gradients/...` or
`CASE/state/...`; `CASE/about` says what the case is, `CASE/error` what went
wrong. With `--rounding` there is `CASE/moved/...` beside each: how far the
array moves if inputs and weights do, by rounding.
"""

import argparse
import inspect
import os
import traceback
import warnings

import openvino_float32  # noqa: F401  # isort: skip (before Keras)
import keras
import numpy as np

from contract.case import to_numpy
from parity.generated import STRATEGIES
from parity.generated import generated
from parity.generated import weights

BACKEND = keras.config.backend()
DIFFERENTIATES = BACKEND in ("jax", "tensorflow", "torch")
# How much inputs and weights are moved to see what rounding does: ten times
# what float32 rounds by.
STEP = 1e-6


def computed(case, layer, inputs):
    """Return all results of a case, by name."""
    run = {"jax": on_jax, "tensorflow": on_tensorflow, "torch": on_torch}
    return run.get(BACKEND, forward)(case, layer, inputs)


def call(case, layer, inputs):
    """Return the outputs of a layer, and its attention or nothing."""
    keywords = {"training": case.training}
    if not takes_attention(layer):
        return layer(*inputs, **keywords), None
    return layer(*inputs, return_attention=True, **keywords)


def takes_attention(layer):
    return "return_attention" in inspect.signature(layer.call).parameters


def projection(case, shape):
    """Return the array by which outputs are multiplied before the sum."""
    return case.source.rng("projection").normal(size=shape).astype("float32")


def forward(case, layer, inputs):
    outputs, attention = call(
        case, layer, [keras.ops.convert_to_tensor(x) for x in inputs]
    )
    return {
        "outputs": outputs,
        **leaves("attention", attention),
        **state(layer),
    }


def on_torch(case, layer, inputs):
    import torch

    inputs = [torch.tensor(x, requires_grad=True) for x in inputs]
    outputs, attention = call(case, layer, inputs)
    loss = (outputs * torch.tensor(projection(case, outputs.shape))).sum()
    loss = sum(layer.losses, loss)
    variables = [weight.value for weight in layer.trainable_weights]
    gradients = torch.autograd.grad(
        loss, [*inputs, *variables], materialize_grads=True, allow_unused=True
    )
    return {
        "outputs": outputs,
        "loss": loss,
        **leaves("attention", attention),
        **gradients_by_name(layer, gradients),
        **state(layer),
    }


def on_tensorflow(case, layer, inputs):
    import tensorflow as tf

    inputs = [tf.convert_to_tensor(x) for x in inputs]
    variables = [weight.value for weight in layer.trainable_weights]

    def run():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs, attention = call(case, layer, inputs)
            loss = tf.reduce_sum(outputs * projection(case, outputs.shape))
            loss = sum(layer.losses, loss)
        gradients = tape.gradient(
            loss,
            [*inputs, *variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return outputs, attention, loss, gradients

    if COMPILED:
        run = tf.function(run, jit_compile=True)
    outputs, attention, loss, gradients = run()
    return {
        "outputs": outputs,
        "loss": loss,
        **leaves("attention", attention),
        **gradients_by_name(layer, gradients),
        **state(layer),
    }


def on_jax(case, layer, inputs):
    import jax

    keywords = {"training": case.training}
    if takes_attention(layer):
        keywords["return_attention"] = True

    def run(inputs, trainable, frozen):
        outputs, after, losses = layer.stateless_call(
            trainable, frozen, *inputs, return_losses=True, **keywords
        )
        attention = None
        if takes_attention(layer):
            outputs, attention = outputs
        loss = (outputs * projection(case, outputs.shape)).sum()
        loss = sum(losses, loss)
        return loss, (outputs, attention, after, loss)

    run = jax.jit(jax.grad(run, argnums=(0, 1), has_aux=True))
    values = [
        [variable.value for variable in variables]
        for variables in (
            layer.trainable_variables,
            layer.non_trainable_variables,
        )
    ]
    gradients, (outputs, attention, after, loss) = run(
        [jax.numpy.asarray(x) for x in inputs], *values
    )
    for variable, value in zip(
        layer.non_trainable_variables, after, strict=True
    ):
        variable.assign(value)
    return {
        "outputs": outputs,
        "loss": loss,
        **leaves("attention", attention),
        **gradients_by_name(layer, [*gradients[0], *gradients[1]]),
        **state(layer),
    }


def gradients_by_name(layer, gradients):
    """Return gradients by name: those of inputs first, then of weights."""
    trainable = {id(weight) for weight in layer.trainable_weights}
    paths = [p for p, w in weights(layer).items() if id(w) in trainable]
    count = len(gradients) - len(paths)
    names = [*(f"inputs/{i}" for i in range(count)), *paths]
    return {
        f"gradients/{name}": gradient
        for name, gradient in zip(names, gradients, strict=True)
    }


def state(layer):
    """Return the current values of non-trainable weights."""
    trainable = {id(weight) for weight in layer.trainable_weights}
    return {
        f"state/{path}": weight
        for path, weight in weights(layer).items()
        if id(weight) not in trainable
    }


def leaves(name, structure):
    """Return the tensors in nested dictionaries by name."""
    if structure is None:
        return {}
    if not isinstance(structure, dict):
        return {name: structure}
    found = {}
    for key, value in structure.items():
        found |= leaves(f"{name}/{key}", value)
    return found


def arrays(case, layer, inputs):
    found = computed(case, layer, inputs)
    return {name: to_numpy(value) for name, value in found.items()}


def moved(case, layer, inputs, before):
    """Return the change of each array if inputs and weights are rounded."""
    rng = case.source.rng("rounding")
    values = {path: to_numpy(w) for path, w in weights(case.layer()).items()}
    far = dict.fromkeys(before, 0.0)

    def near(array):
        off = 1 + STEP * rng.normal(size=array.shape)
        return (array * off).astype("float32")

    for _ in range(4):
        for path, weight in weights(layer).items():
            weight.assign(near(values[path]))
        after = arrays(case, layer, [near(x) for x in inputs])
        for name, array in after.items():
            change = np.abs(array - before[name]).max(initial=0)
            far[name] = max(far[name], float(change))
    return {f"moved/{name}": np.array(value) for name, value in far.items()}


def results(case, rounding):
    found = {"about": np.array(str(case))}
    if BACKEND == "openvino" and case.training:
        return {}
    try:
        layer = case.layer()
        inputs = case.source.to_layout(case.inputs())
        found |= arrays(case, layer, inputs)
        if rounding:
            found |= moved(case, layer, inputs, found_arrays(found))
    except Exception as error:
        found["error"] = np.array(f"{type(error).__name__}: {error}"[:2000])
        if "PARITY_TRACEBACKS" in os.environ:
            traceback.print_exc()
    keras.utils.clear_session(free_memory=False)
    return found


def found_arrays(found):
    return {k: v for k, v in found.items() if k != "about"}


def main():
    global COMPILED
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("count", type=int)
    parser.add_argument("--rounding", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--turn", type=int)
    parser.add_argument("names", nargs="*", default=[])
    options = parser.parse_args()
    COMPILED = options.compiled
    # As in the tests, yet not while backends are imported.
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "__array__ implementation")
    found = {}
    for position, name in enumerate(options.names or STRATEGIES):
        count = count_of(name, options.count)
        indices = range(count)
        if options.turn is not None and count > 1:
            indices = indices[(position + options.turn) % 2 :: 2]
        for index in indices:
            case = generated(name, index)
            for part, array in results(case, options.rounding).items():
                found[f"{case.key}/{part}"] = array
    np.savez(options.out, **found)


def count_of(name, count):
    """Return the number of cases: networks take long to compile."""
    return max(1, count // 3) if name == "networks" else count


if __name__ == "__main__":
    main()

"""Outputs: values and shapes, in both data formats and for all sizes."""

import warnings
from operator import itemgetter

import keras
import numpy as np
import pytest

import references
from autodiff import BACKEND
from autodiff import forward
from autodiff import vjp
from contract.case import assert_close
from contract.case import each
from contract.case import each_shape
from contract.case import to_numpy
from contract.selection import for_cases


@for_cases(lambda case: case.is_deterministic)
def test_equals_the_float64_reference(case, data_format):
    layer = case.generic(data_format=data_format)
    inputs = case.inputs()
    outputs = layer(*case.in_layout(inputs, data_format), **case.all_outputs)
    outputs = case.outputs_to_last(outputs, data_format)
    assert_close(outputs, case.expected(layer, inputs))


@for_cases()
def test_symbolic_shapes_equal_eager_shapes(case, data_format):
    layer = case.layer(data_format=data_format)
    shapes = case.in_layout(case.shapes, data_format)
    inputs = case.in_layout(case.inputs(), data_format)
    eager = layer(*inputs, **case.all_outputs)
    symbols = each_shape(keras.KerasTensor, shapes)
    symbolic = layer(*symbols, **case.all_outputs)
    assert shapes_of(symbolic) == shapes_of(eager)
    outputs = layer(*symbols)
    assert str(outputs.shape) == shapes_of(eager)[0]
    assert layer.compute_output_shape(*shapes) == outputs.shape


@for_cases(
    lambda case: case.any_size and not case.is_model,
    # Its native forms compute sizes in the graph.
    every=BACKEND == "tensorflow",
)
def test_unknown_sizes_are_accepted(case):
    model = case.model(symbolic_sizes=True, **case.all_outputs)
    if case.returns_map:
        unknown = (None,) * (len(case.shapes[0]) - 2)
        sizes = case.kwargs.get("output_size", unknown)
        assert model.outputs[0].shape[:-1] == (None, *sizes)
    # JAX compiles each size separately; the next test has another size.
    for batch, size in ((3, 5),) if BACKEND == "jax" else ((2, 8), (3, 5)):
        inputs = case.inputs(case.resized(batch, size))
        outputs = model.predict(inputs, verbose=0)
        assert_close(outputs, case.expected(model.layers[-1], inputs))


@for_cases(lambda case: case.is_deterministic)
def test_a_sample_does_not_depend_on_the_batch(case):
    layer, inputs = case.generic(), case.inputs()
    together = to_numpy(forward(layer, *inputs))
    alone = [
        to_numpy(forward(layer, *each(itemgetter(slice(i, i + 1)), inputs)))
        for i in range(len(together))
    ]
    assert_close(np.concatenate(alone), together)


@pytest.mark.skipif(
    BACKEND != "torch",
    reason="only PyTorch traces known sizes: for others, see unknown sizes",
)
@for_cases(lambda case: case.is_deterministic and not case.has_networks)
def test_traces_accept_any_batch_size(case):
    """Exporters trace one sample; the graph must accept any number."""
    torch = pytest.importorskip("torch")
    layer = case.generic()
    inputs = each(keras.ops.convert_to_tensor, case.inputs())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that become constant
        traced = torch.jit.trace(
            layer, tuple(each(lambda x: x[:1], inputs)), check_trace=False
        )
    assert_close(traced(*inputs), layer(*inputs))


@for_cases(lambda case: not (case.samples_locations or case.has_networks))
def test_one_sample_of_one_position_is_finite(case):
    shapes = case.resized(1, 1)
    layer = case.generic(shapes)
    for value in (0.0, 1.0):
        inputs = each_shape(
            lambda shape, value=value: np.full(shape, value, "float32"), shapes
        )
        outputs, gradients, weight_gradients = vjp(
            layer, inputs, case.cotangent(shapes)
        )
        for array in (outputs, *gradients, *weight_gradients.values()):
            assert np.isfinite(array).all()
        assert_close(outputs, references.run(layer, inputs)[0])


def shapes_of(structure):
    return keras.tree.flatten(
        keras.tree.map_structure(lambda x: str(tuple(x.shape)), structure)
    )

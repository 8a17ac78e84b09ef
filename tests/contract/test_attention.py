"""Attention weights: the same from calls, `attention` and models."""

import keras

from contract.case import assert_close
from contract.case import assert_same
from contract.case import dtype_of
from contract.case import each
from contract.case import float_leaves
from contract.selection import for_cases


@for_cases(lambda case: case.has_attention)
def test_attention_can_be_returned(case):
    layer, inputs = case.generic(), case.inputs()
    outputs, attention = layer(*inputs, return_attention=True)
    assert_same(outputs, layer(*inputs))
    assert_same(attention, layer.attention(*inputs))


@for_cases(lambda case: case.has_attention)
def test_attention_accepts_symbolic_inputs(case):
    layer, inputs = case.generic(), case.inputs()
    expected = layer(*inputs, return_attention=True)
    both = case.model(layer=layer, return_attention=True)
    assert_close(both(inputs), expected)
    symbols = case.symbols()
    gate = keras.Model(symbols, layer.attention(*symbols))
    assert_close(gate(inputs), expected[1])


@for_cases(lambda case: case.has_attention)
def test_attention_accepts_what_call_accepts(case):
    inputs64 = each(lambda x: x.astype("float64"), case.inputs())
    unbuilt = case.layer(dtype="mixed_bfloat16")
    attention = unbuilt.attention(*inputs64)
    assert unbuilt.built
    assert_same(attention, unbuilt(*inputs64, return_attention=True)[1])
    assert {dtype_of(gate) for gate in float_leaves(attention)} == {"bfloat16"}

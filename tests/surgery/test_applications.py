"""`attach` and insertion points for the networks of Keras."""

import warnings

import keras
import numpy as np
import pytest

import keras_attention
from autodiff import BACKEND
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy

# For each network: side of the images, number of residual branches, ends of
# stages, and number of attention gates.
FAMILIES = {
    "ConvNeXtTiny": (32, 18, "add_2 add_5 add_14 layer_normalization", 0),
    "DenseNet121": (
        32,
        0,
        "conv1_relu pool2_conv pool3_conv pool4_conv relu",
        0,
    ),
    "EfficientNetB0": (
        32,
        9,
        (
            "block2a_expand_activation block3a_expand_activation "
            "block4a_expand_activation block6a_expand_activation top_activation"
        ),
        16,
    ),
    "EfficientNetV2B0": (
        32,
        15,
        (
            "block1a_project_activation block2b_add block4a_expand_activation "
            "block6a_expand_activation top_activation"
        ),
        16,
    ),
    "InceptionResNetV2": (
        75,
        40,
        "activation_2 activation_4 block35_10_ac block17_20_ac conv_7b_ac",
        0,
    ),
    "InceptionV3": (
        75,
        0,
        "activation_2 activation_4 mixed2 mixed7 mixed10",
        0,
    ),
    "MobileNet": (
        32,
        0,
        (
            "conv_pw_1_relu conv_pw_3_relu conv_pw_5_relu conv_pw_11_relu "
            "conv_pw_13_relu"
        ),
        0,
    ),
    "MobileNetV2": (
        32,
        10,
        (
            "block_1_expand_relu block_3_expand_relu block_6_expand_relu "
            "block_13_expand_relu out_relu"
        ),
        0,
    ),
    "MobileNetV3Small": (
        32,
        6,
        "activation re_lu_2 activation_1 activation_11 activation_17",
        9,
    ),
    "NASNetMobile": (32, None, None, 0),
    "ResNet50": (
        32,
        16,
        (
            "conv1_relu conv2_block3_out conv3_block4_out conv4_block6_out "
            "conv5_block3_out"
        ),
        0,
    ),
    "ResNet50V2": (
        32,
        16,
        (
            "conv1_conv conv2_block2_out conv3_block3_out conv4_block5_out "
            "post_relu"
        ),
        0,
    ),
    "VGG16": (
        32,
        0,
        "block1_conv2 block2_conv2 block3_conv3 block4_conv3 block5_conv3",
        0,
    ),
    "Xception": (
        71,
        12,
        "block1_conv2_act add add_1 add_10 block14_sepconv2_act",
        0,
    ),
}


# JAX compiles each operation separately, for up to 25 s a network. Keras has no
# NASNetMobile on PyTorch, so TensorFlow tests it. PyTorch tests all others.
SHARES = {
    "jax": ["VGG16"],
    "tensorflow": ["EfficientNetB0", "NASNetMobile"],
    "torch": [name for name in FAMILIES if name != "NASNetMobile"],
}


@pytest.mark.parametrize("name", SHARES.get(BACKEND, FAMILIES))
def test_attach_to_applications(name):
    side, count, ends, gates = FAMILIES[name]
    keras.utils.clear_session(free_memory=False)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(side, side, 3), include_top=False
    )
    branches = keras_attention.branch_ends(model)
    found = keras_attention.stage_ends(model)
    if ends is not None:
        assert len(branches) == len(keras_attention.block_ends(model)) == count
        assert found == ends.split()
    where = branches[-2:] + found[-2:]
    attention = keras_attention.SqueezeExcite(hidden_units=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        upgraded = keras_attention.attach(model, attention, where)
    messages = [str(w.message) for w in caught if w.category is UserWarning]
    assert len(messages) == bool(gates)
    assert all(f"has {gates} attention gates" in text for text in messages)
    inserted = [
        layer
        for layer in upgraded._flatten_layers()
        if isinstance(layer, keras_attention.IdentityStart)
    ]
    assert len(inserted) == len(set(where))
    for layer in model.layers:
        copy = upgraded.get_layer(layer.name)
        assert_same(copy.get_weights(), layer.get_weights())
    x = np.random.default_rng(0).uniform(size=(1, side, side, 3))
    expected = to_numpy(model(x))
    assert np.ptp(expected) > 0
    assert_close(upgraded(x), expected)

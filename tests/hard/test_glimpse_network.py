import numpy as np

from autodiff import role
from keras_attention import GlimpseNetwork


def test_weights_are_named_for_their_roles():
    layer = GlimpseNetwork()
    layer.build((None, 28, 28, 1), (None, 2))
    assert {role(w): w.shape for w in layer.weights} == {
        "glimpse_hidden/kernel": (64, 128),
        "glimpse_hidden/bias": (128,),
        "location_hidden/kernel": (2, 128),
        "location_hidden/bias": (128,),
        "glimpse_out/kernel": (128, 256),
        "glimpse_out/bias": (256,),
        "location_out/kernel": (128, 256),
        "location_out/bias": (256,),
    }
    assert layer.count_params() == 74_752


def test_kernels_are_initialized_differently():
    layer = GlimpseNetwork(4, glimpse_units=4, location_units=4)
    layer.build((None, 8, 8, 1), (None, 2))
    one, other = layer.glimpse_out.kernel, layer.location_out.kernel
    assert np.any(np.array(one) != np.array(other))

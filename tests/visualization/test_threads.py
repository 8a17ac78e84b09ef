"""Attention maps and Grad-CAM while other threads use the same model."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers

from autodiff import BACKEND
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import SqueezeExcite
from keras_attention import attention_maps
from keras_attention import grad_cam


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 6, 6, 4)).astype("float32")


class Gate(layers.Layer):
    """A layer whose call waits for an event in the threads of `waits`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.waits = {}

    def call(self, x):
        if events := self.waits.get(threading.get_ident()):
            reached, go_on = events
            reached.set()
            assert go_on.wait(300)
        return x


def network(shared=()):
    inputs = keras.Input((6, 6, 4))
    gate, *rest = shared or [
        Gate(name="gate"),
        SqueezeExcite(2, name="se"),
        CBAM(2, name="cbam"),
    ]
    x = gate(inputs)
    for layer in rest:
        x = layer(x)
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


def assert_equal_maps(found, right):
    assert list(found) == list(right)
    keras.tree.map_structure(assert_close, dict(found), dict(right))


def assert_no_hooks(model):
    for layer in model._flatten_layers():
        assert not {"call", "rematerialized_call"} & vars(layer).keys()


@pytest.mark.parametrize("maps", [attention_maps, grad_cam])
def test_maps_while_threads_compute_maps_and_outputs(maps):
    """The maps are of one model, and of another that shares its layers."""
    model = network()
    other = network([model.get_layer(n) for n in ("gate", "cbam", "se")])
    x = images()
    jobs = [lambda: maps(model, x), lambda: maps(other, x), lambda: model(x)]
    right = [job() for job in jobs]
    at_once = threading.Barrier(6)

    def run(job, expected):
        at_once.wait()
        for _ in range(2):
            found = job()
            if isinstance(expected, dict):
                assert_equal_maps(found, expected)
            else:
                assert_close(found, expected)

    with ThreadPoolExecutor(6) as pool:
        for done in [
            pool.submit(run, *pair)
            for pair in zip(jobs * 2, right * 2, strict=True)
        ]:
            done.result()
    assert_no_hooks(model)
    assert_no_hooks(other)


def during_maps(model, action):
    """Call a function while another thread is computing attention maps."""
    reached, go_on = threading.Event(), threading.Event()

    def maps():
        model.get_layer("gate").waits[threading.get_ident()] = reached, go_on
        return attention_maps(model, images())

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(maps)
        try:
            assert reached.wait(300)
            assert "call" in vars(model.get_layer("se"))
            done = action()
        finally:
            go_on.set()
        return found.result(), done


def test_function_compiled_during_maps_has_no_hooks():
    model = network()
    right, x = attention_maps(model, images()), images()
    expected = model(x)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    found, predicted = during_maps(model, lambda: model.predict(x, verbose=0))
    assert_equal_maps(found, right)
    assert_close(predicted, expected)
    again = during_maps(model, lambda: model.predict(x, verbose=0))
    assert_close(again[1], expected)
    assert_no_hooks(model)
    assert_close(model.predict(x, verbose=0), expected)


@pytest.mark.skipif(
    BACKEND == "jax",
    reason="On JAX `fit` holds the weights of the model until it ends.",
)
def test_training_during_maps():
    model = network()
    right, x = attention_maps(model, images()), images()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    found, _ = during_maps(
        model, lambda: model.fit(x, np.zeros((2, 3)), verbose=0)
    )
    assert_equal_maps(found, right)
    assert_no_hooks(model)


def test_copies_made_during_maps_have_no_hooks(tmp_path):
    model = network()

    def copies():
        model.save(tmp_path / "model.keras")
        path = tmp_path / "model.keras"
        objects = {"Gate": Gate}
        loaded = keras.models.load_model(path, custom_objects=objects)
        with keras.saving.custom_object_scope(objects):
            return [
                loaded,
                keras.models.clone_model(model),
                pickle.loads(pickle.dumps(model)),
            ]

    _, models = during_maps(model, copies)
    for copied in models:
        assert_no_hooks(copied)
        assert to_numpy(copied(images())).shape == (2, 3)
    assert_close(models[0](images()), model(images()))


def test_failing_call_during_maps():
    model = network()
    right = attention_maps(model, images())

    def fail():
        with pytest.raises(
            ValueError, match="must be inputs that `model` accepts"
        ):
            attention_maps(model, images()[..., :3])

    found, _ = during_maps(model, fail)
    assert_equal_maps(found, right)
    assert_no_hooks(model)


def test_maps_inside_the_call_of_a_layer_with_a_hook():
    inner = network()

    class Nested(SqueezeExcite):
        def call(self, x, return_attention=False):
            maps.append(attention_maps(inner, images()))
            return super().call(x, return_attention=return_attention)

    maps = []
    layer = Nested(2, name="outer")
    right = attention_maps(inner, images())
    found = attention_maps(layer, images())
    assert_close(found["outer"], layer.attention(images()))
    for nested in maps:
        assert_equal_maps(nested, right)


def test_call_set_by_another_thread_during_maps_is_kept():
    model = network()
    layer = model.get_layer("se")

    def double(x, **kwargs):
        return 2 * type(layer).call(layer, x, **kwargs)

    def replace():
        object.__setattr__(layer, "call", double)

    during_maps(model, replace)
    assert vars(layer).pop("call") is double
    assert to_numpy(model(images())).shape == (2, 3)

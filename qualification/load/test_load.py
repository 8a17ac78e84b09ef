"""Memory and threads: repeated training in one process."""

import concurrent.futures
import gc
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_attention import CBAM

BACKEND = keras.config.backend()
ROUNDS = int(os.environ.get("ROUNDS", "200"))
# The memory of the first rounds goes to caches, mainly those of compilers.
WARM = ROUNDS // 4


def network(seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = CBAM(2, spatial_norm=True)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))


def resident():
    """Return how many MiB this process has in memory now."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def layers_alive():
    """Return how many layers there are."""
    gc.collect()
    return sum(
        issubclass(type(thing), keras.layers.Layer)
        for thing in gc.get_objects()
    )


@pytest.mark.skipif(not os.path.exists("/proc"), reason="It reads /proc.")
@pytest.mark.parametrize("training", [True, False])
def test_no_memory_is_kept(training, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(16, 8, 8, 4)).astype("float32")
    labels = rng.integers(0, 3, 16)
    before, sizes = layers_alive(), []
    for _ in range(ROUNDS):
        model = network()
        if training:
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(images, labels, batch_size=8, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        loaded.predict(images, verbose=0)
        del model, loaded
        keras.utils.clear_session()
        gc.collect()
        sizes.append(resident())
    rounds = np.arange(WARM, ROUNDS)
    gradient = np.polyfit(rounds, sizes[WARM:], 1)[0]
    print(
        f"{BACKEND}, {'trained' if training else 'not trained'}: "
        f"{sizes[WARM]:.0f} MiB after {WARM} rounds, "
        f"{sizes[-1]:.0f} after {ROUNDS}: {1024 * gradient:.0f} KiB a round, "
        f"{layers_alive() - before} layers left"
    )
    assert layers_alive() == before
    # There Keras keeps two graphs of each training step, whatever is in it.
    if not (training and BACKEND == "tensorflow"):
        assert gradient < 0.25


@pytest.mark.skipif(BACKEND == "jax", reason="Its tracing is of one thread.")
def test_threads_compute_the_same_outputs(tmp_path):
    model = network()
    rng = np.random.default_rng(0)
    images = rng.normal(size=(64, 2, 8, 8, 4)).astype("float32")
    expected = [keras.ops.convert_to_numpy(model(x)) for x in images]

    def call(index):
        found = model(images[index % 64])
        return np.asarray(keras.ops.convert_to_numpy(found))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, range(512)))
    for index, outputs in enumerate(found):
        np.testing.assert_allclose(outputs, expected[index % 64], atol=1e-6)


def test_import_from_several_threads():
    code = """
import threading, keras
barrier, errors = threading.Barrier(8), []
def use():
    barrier.wait()
    try:
        import keras_attention
        from keras_attention import models
        assert keras_attention.CBAM(2) and models.SEResNet50
    except Exception as error:
        errors.append(error)
threads = [threading.Thread(target=use) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert not errors, errors
"""
    subprocess.run([sys.executable, "-c", code], check=True)

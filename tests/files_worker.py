"""Writes files of a case of each class on one backend, and reads others'.

`python files_worker.py FOLDER RESULTS` saves a model of each case as `.keras`
and its weights as `.weights.h5`, and what they hold and compute as `.npz`. It
does so with a compiled network too, after training where the backend trains.
After a line from the standard input with folders, it reads the files of each,
and says the same of what it got in a folder of `RESULTS` that is named alike.
One process does both, as to start it takes long.
"""

import os
import pathlib
import sys

import openvino_float32  # noqa: F401  # isort: skip (before Keras)
import keras
import numpy as np

import cases
import keras_attention

# One case of each class, because the contract tests the files of one backend in
# all cases. Cases that predict with random numbers are left out, because each
# backend generates other numbers.
CASES = list(
    {
        case.layer_cls: case
        for case in cases.EVERYTHING
        if case.kwargs.get("monte_carlo_samples", 1) == 1
    }.values()
)

BACKENDS = ("jax", "tensorflow", "torch", "openvino", "numpy")
TRAINED = len(CASES)  # the index of the trained network
IMAGES = np.random.default_rng(0).normal(size=(5, 9, 8, 3)).astype("float32")
ALL = os.environ.get("TESTS") == "all"
TRAINS = keras.config.backend() in ("jax", "tensorflow", "torch")


def is_written(index, writer):
    """Return whether a backend writes the file of a case.

    By default one backend does, in turns, and with `TESTS=all` each.
    """
    return ALL or index % len(BACKENDS) == BACKENDS.index(writer)


def is_read(index, writer, reader):
    """Return whether a backend reads the file of a case from another.

    By default two backends do, in turns.
    """
    turn = index // len(BACKENDS) + BACKENDS.index(reader)
    is_its_turn = turn % len(BACKENDS) in (0, 2)
    return is_written(index, writer) and (ALL or is_its_turn)


def network():
    """Return a small compiled classifier."""
    model = keras.Sequential(
        [
            keras.Input(IMAGES.shape[1:]),
            keras.layers.Conv2D(8, 3, padding="same"),
            keras_attention.CBAM(2, spatial_norm=True),
            keras_attention.DeformableConv2D(8),
            keras_attention.SqueezeExcite(2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    # Compilation is not of interest here, and on PyTorch takes a minute.
    model.compile(
        keras.optimizers.Adam(0.1),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    return model


def weights(model):
    """Return the weights of a model by their indices."""
    return {str(i): w for i, w in enumerate(model.get_weights())}


def results_of(model, case):
    """Return the weights and the outputs of a model, by name.

    Outputs are omitted if they need a gradient that the backend lacks.
    """
    try:
        outputs = model(case.inputs(), training=False)
    except NotImplementedError:
        return weights(model)
    return {
        **weights(model),
        "outputs": keras.ops.convert_to_numpy(outputs),
    }


def predictions(model):
    """Return the weights and the predictions of a model, by name."""
    outputs = model.predict(IMAGES, batch_size=2, verbose=0)
    return {**weights(model), "outputs": outputs}


def write(folder):
    for index, case in enumerate(CASES):
        if not is_written(index, keras.config.backend()):
            continue
        model = case.model()
        model.save(folder / f"{index}.keras")
        model.save_weights(folder / f"{index}.weights.h5")
        np.savez(folder / f"{index}.npz", **results_of(model, case))
    if not is_written(TRAINED, keras.config.backend()):
        return
    model = network()
    if TRAINS:
        labels = np.arange(len(IMAGES)) % 4
        model.fit(IMAGES, labels, batch_size=5, epochs=2, verbose=0)
    model.save(folder / f"{TRAINED}.keras")
    model.save_weights(folder / f"{TRAINED}.weights.h5")
    np.savez(folder / f"{TRAINED}.npz", **predictions(model))


def read(results, *folders):
    for folder in folders:
        found = results / folder.name
        found.mkdir()
        writer = folder.name.removeprefix("by_")
        for index, case in enumerate(CASES):
            if not is_read(index, writer, keras.config.backend()):
                continue
            loaded = keras.models.load_model(folder / f"{index}.keras")
            np.savez(found / f"{index}-keras.npz", **results_of(loaded, case))
            filled = case.model(layer=case.layer())
            filled.load_weights(folder / f"{index}.weights.h5")
            np.savez(found / f"{index}-h5.npz", **weights(filled))
        if not is_read(TRAINED, writer, keras.config.backend()):
            continue
        loaded = keras.models.load_model(folder / f"{TRAINED}.keras")
        np.savez(found / f"{TRAINED}-keras.npz", **predictions(loaded))
        filled = network()
        filled.load_weights(folder / f"{TRAINED}.weights.h5")
        np.savez(found / f"{TRAINED}-h5.npz", **weights(filled))


if __name__ == "__main__":
    written, results = map(pathlib.Path, sys.argv[1:])
    write(written)
    print("written", flush=True)
    read(results, *map(pathlib.Path, sys.stdin.readline().split("\t")))

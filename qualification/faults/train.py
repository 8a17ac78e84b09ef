"""Trains a small model that may be killed, and writes its weights at the end.

`python qualification/faults/train.py NAME FOLDER [STEP]`: the process kills
itself without a warning after so many steps. Started again it goes on from
where `BackupAndRestore` had saved, at the end of an epoch.
"""

import os
import signal
import sys
from pathlib import Path

import keras
import numpy as np

from keras_attention import CBAM
from keras_attention import RecurrentAttention

SAMPLES, BATCH, EPOCHS = 32, 8, 4


def cbam():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = CBAM(2, spatial_norm=True)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(4, "softmax")(x))


def recurrent():
    model = RecurrentAttention(4, units=16, num_glimpses=3, seed=5)
    model.build((None, 8, 8, 1))
    return model


class Kill(keras.callbacks.Callback):
    """Kills the process after a step."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(name, folder, step=0):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(SAMPLES, 8, 8, 1)).astype("float32")
    labels = rng.integers(0, 4, SAMPLES)
    model = {"cbam": cbam, "recurrent": recurrent}[name]()
    model.compile("adam", "sparse_categorical_crossentropy")
    backup = keras.callbacks.BackupAndRestore(
        Path(folder) / "backup", double_checkpoint=True
    )
    model.fit(
        images,
        labels,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[backup, *([Kill(int(step))] if step else [])],
    )
    weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
    np.savez(Path(folder) / "weights.npz", *weights)


if __name__ == "__main__":
    main(*sys.argv[1:])

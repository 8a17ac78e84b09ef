"""Predicts with a saved model, in a separate process.

    python examples/_predict.py MODEL.keras IMAGES.npy PREDICTIONS.npy

All images are one batch, as the last bits of a result can depend on its size.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import sys

import _support

_support.choose_backend()

import keras
import numpy as np

import keras_attention  # noqa: F401 (Keras finds the layers by its import)

if __name__ == "__main__":
    model_file, images_file, predictions_file = sys.argv[1:]
    model = keras.saving.load_model(model_file)
    images = np.load(images_file)
    predictions = model.predict(images, batch_size=len(images), verbose=0)
    np.save(predictions_file, predictions)

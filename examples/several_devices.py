"""Handwritten digits on several devices: one training, shared among them.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/several_devices.py
    python examples/several_devices.py --strategy model --epochs 10

Trains a small network with CBAM on scikit-learn's digits, with what the backend
has for it: `DataParallel` or `ModelParallel` on JAX, `MirroredStrategy` on
TensorFlow, `DistributedDataParallel` on PyTorch. The devices are parts of the
processor, 8 on JAX and 2 on the others, so that it runs anywhere; with real
ones, and with several machines, the calls are the same:
docs/robustness/devices.md.
"""
# ruff: noqa: E402 (the backend and its devices are chosen before Keras comes)

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _support

BACKEND = _support.prepare("sklearn")
DEVICES = 8 if BACKEND == "jax" else 2
if BACKEND == "jax":
    os.environ["XLA_FLAGS"] = (
        f"{os.environ.get('XLA_FLAGS', '')} "
        f"--xla_force_host_platform_device_count={DEVICES}"
    )

import _scans
import keras
import numpy as np

from keras_attention import CBAM

BATCH_SIZE = 64
LEARNING_RATE = 3e-3


def build_model() -> keras.Model:
    """Return a small network with attention, from the same seed each time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    x = CBAM(4)(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))


def fit(model: keras.Model, digits: _scans.Scans, epochs: int) -> None:
    """Train with `compile` and `fit`, which know of the devices themselves."""
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        "sparse_categorical_crossentropy",
    )
    images, labels = digits.train_images, digits.train_labels
    model.fit(images, labels, BATCH_SIZE, epochs, verbose=0)


def train_on_jax(
    strategy: str, digits: _scans.Scans, epochs: int
) -> keras.Model:
    """Distribute batches, or also kernels, over JAX's devices."""
    distribution = keras.distribution
    devices = distribution.list_devices()
    parallel: Any
    if strategy == "data":
        parallel = distribution.DataParallel(devices=devices)
    else:
        # Two parts of a batch, and four of the channels of each convolution.
        mesh = distribution.DeviceMesh((2, 4), ("batch", "model"), devices)
        layout = distribution.LayoutMap(mesh)
        layout["conv2d.*kernel"] = (None, None, None, "model")
        parallel = distribution.ModelParallel(
            layout_map=layout, batch_dim_name="batch"
        )
    distribution.set_distribution(parallel)
    model = build_model()
    fit(model, digits, epochs)
    return model


def train_on_tensorflow(
    strategy: str, digits: _scans.Scans, epochs: int
) -> keras.Model:
    """Mirror the network on TensorFlow's devices, which share batches."""
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration()] * DEVICES
    )
    devices = [f"CPU:{index}" for index in range(DEVICES)]
    with tf.distribute.MirroredStrategy(devices).scope():
        model = build_model()
        fit(model, digits, epochs)
    return model


def train_on_torch(
    strategy: str, digits: _scans.Scans, epochs: int
) -> keras.Model:
    """Start one process per device, each with its part of every batch."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            torch_process, (folder, digits, epochs), nprocs=DEVICES
        )
        model = build_model()
        model.load_weights(Path(folder, "model.weights.h5"))
    return model


def torch_process(
    rank: int, folder: str, digits: _scans.Scans, epochs: int
) -> None:
    """Train in one process of several, in a loop of PyTorch's."""
    import torch
    import torch.distributed

    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=DEVICES,
    )
    model = build_model()
    shared = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.Adam(shared.parameters(), LEARNING_RATE)
    dataset = torch.utils.data.TensorDataset(
        torch.tensor(digits.train_images), torch.tensor(digits.train_labels)
    )
    sampler = torch.utils.data.DistributedSampler(dataset, seed=0)
    loader = torch.utils.data.DataLoader(
        dataset, BATCH_SIZE // DEVICES, sampler=sampler
    )
    loss_of = keras.losses.SparseCategoricalCrossentropy()
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            loss = loss_of(labels, shared(images, training=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if rank == 0:
        model.save_weights(Path(folder, "model.weights.h5"))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def classify(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the most likely class of each image."""
    # Whole batches, each of which JAX divides evenly among its devices.
    missing = -len(images) % BATCH_SIZE
    whole = np.concatenate([images, images[:missing]])
    probabilities = model.predict(whole, BATCH_SIZE, verbose=0)
    return probabilities[: len(images)].argmax(axis=-1)


TRAIN = {
    "jax": train_on_jax,
    "tensorflow": train_on_tensorflow,
    "torch": train_on_torch,
}


def main() -> None:
    """Train with the selected strategy, and print the test accuracy."""
    parser = argparse.ArgumentParser(
        description="Train a small network on several devices at once."
    )
    parser.add_argument(
        "--strategy",
        choices=("data", "model"),
        default="data",
        help="what devices share: batches, or on JAX kernels too "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=_support.positive_integer,
        default=10,
        help="how often to see the training digits (default: %(default)s)",
    )
    options = parser.parse_args()
    if options.strategy == "model" and BACKEND != "jax":
        _support.fail(f"--strategy model is of JAX. Received: {BACKEND}")
    digits = _scans.load()
    begin = time.perf_counter()
    model = TRAIN[BACKEND](options.strategy, digits, options.epochs)
    seconds = time.perf_counter() - begin
    classes = classify(model, digits.test_images)
    accuracy = np.mean(classes == digits.test_labels)
    print(f"{BACKEND}, {DEVICES} devices, {options.strategy}: {seconds:.0f} s")
    print(f"test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    sys.exit(main())

r"""
See what a network attends to
=============================

In this tutorial you insert attention layers into a trained network, train it
further, and see which parts of an image decide about its class: by the
attention of the layers, and by Grad-CAM, which works for every network. Install
this package with a backend and the extra ``examples``, as in
:doc:`/guide/install`.
"""

# %%
# Choose the backend before the first import of Keras. Replace ``jax`` by
# ``tensorflow`` or ``torch``: everything below stays the same.

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

import keras_attention

keras.utils.set_random_seed(0)

# %%
# Digits in clutter
# -----------------
#
# Each image has a whole digit somewhere on a canvas, and four pieces of other
# digits. A network has to find out which strokes belong to the digit.

scans, labels = load_digits(return_X_y=True)
scans = scans.reshape(-1, 8, 8).astype("float32") / 16
random = np.random.default_rng(0)


def clutter(scan):
    canvas = np.zeros((24, 24), "float32")
    for piece in random.choice(scans[:1280], 4):
        top, left = random.integers(0, 20, size=2)
        canvas[top : top + 4, left : left + 4] = piece[2:6, 2:6]
    top, left = random.integers(0, 16, size=2)
    canvas[top : top + 8, left : left + 8] = scan
    return canvas


train_x = np.stack([clutter(x) for x in np.tile(scans[:1280], (2, 1, 1))])
train_y = np.tile(labels[:1280], 2)
test_x = np.stack([clutter(x) for x in scans[1280:]])
test_y = labels[1280:]
train_x, test_x = train_x[..., None], test_x[..., None]

# %%
# A trained network
# -----------------
#
# The network has three convolutions, with batch normalization. Its layers
# ``half`` and ``quarter`` pool the maps to 12 x 12 and 6 x 6 pixels.


def train(model, rate, epochs):
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=64, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(test_x, test_y, batch_size=517, verbose=0)
    print(f"{model.count_params():,} weights, test accuracy {accuracy:.3f}")


def convolve(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


inputs = keras.Input((24, 24, 1))
x = convolve(inputs, 16)
x = layers.MaxPooling2D(name="half")(x)
x = convolve(x, 32)
x = layers.MaxPooling2D(name="quarter")(x)
x = convolve(x, 64)
x = layers.GlobalMaxPooling2D()(x)
outputs = layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs, outputs)
train(model, 3e-3, epochs=8)

# %%
# Insert attention
# ----------------
#
# ``attach`` returns a copy of the network with attention after the named
# layers. The copy makes the predictions of the trained network until you train
# it further.

with_attention = keras_attention.attach(
    model,
    keras_attention.CBAM(reduction=4, kernel_size=5),
    where=["half", "quarter"],
)
before = model.predict(test_x[:8], verbose=0)
after = with_attention.predict(test_x[:8], verbose=0)
print("largest change of a probability:", abs(after - before).max())
train(with_attention, 1e-3, epochs=4)

# %%
# The attention
# -------------
#
# ``attention_maps`` returns the attention of each layer for some images, and
# ``plot_attention`` plots it: images with the weights of their positions, and
# the weights of the channels. The figure is the last value of the cell, so that
# a notebook shows it. A script writes it by
# ``figure.savefig("attention.png")``.

maps = keras_attention.attention_maps(with_attention, test_x[:6])
for name, attention in maps.items():
    print(name, {key: value.shape for key, value in attention.items()})

figure = keras_attention.plot_attention(maps, images=test_x[:6])
figure

# %%
# Grad-CAM
# --------
#
# Grad-CAM weights the maps of a layer by the gradients of the class that the
# network predicts, and shows which positions speak for this class. It needs no
# attention, so it works for every network. The brightest positions are mostly
# at the digit. Where they are at a piece of another digit, the network has
# taken the piece for a part of the digit.

heatmaps = keras_attention.grad_cam(
    with_attention, test_x[:6], layers=["quarter_cbam"]
)["quarter_cbam"]
classes = with_attention.predict(test_x[:6], verbose=0).argmax(axis=-1)

figure, axes = plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained")
for column, (above, below) in enumerate(axes.T):
    above.imshow(test_x[column, ..., 0], cmap="gray_r")
    above.set_title(f"predicted: {classes[column]}", fontsize=10)
    below.imshow(test_x[column, ..., 0], cmap="gray")
    below.imshow(
        heatmaps[column], "magma", alpha=0.6, extent=(-0.5, 23.5, 23.5, -0.5)
    )
    above.axis("off")
    below.axis("off")
plt.show()

# %%
# What next
# ---------
#
# - :doc:`/guide/insert` shows where attention is inserted into residual
#   networks, and how to replace additions by fusion.
# - :doc:`/api/visualization` documents the functions of this page, and
#   ``AttentionMonitor``, which records attention during training.
# - :doc:`/layers/index` describes every layer, with its picture.

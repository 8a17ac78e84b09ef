r"""
Fine-tune a timm checkpoint
===========================

A checkpoint of timm is a file of PyTorch weights. In this tutorial you load
such a file into a Keras model, replace its classifier, and train it on a few
images of your own. Install this package with a backend and the extras
``examples`` and ``safetensors``, as in :doc:`/guide/install`.
"""

# %%
# Choose the backend before the first import of Keras. Replace ``jax`` by
# ``tensorflow`` or ``torch``: everything below stays the same.

import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

import keras_attention
from keras_attention import models

keras.utils.set_random_seed(0)

# %%
# The images
# ----------
#
# The images are scans of handwritten digits, which come with scikit-learn. They
# have 8 x 8 gray pixels. The network expects three channels and halves its maps
# five times, so the scans are enlarged to 16 x 16 pixels.

scans, labels = load_digits(return_X_y=True)
scans = scans.reshape(-1, 8, 8, 1).astype("float32") / 8 - 1
images = np.kron(scans, np.ones((1, 2, 2, 3), "float32"))
order = np.random.default_rng(0).permutation(len(images))
images, labels = images[order], labels[order]
print(images.shape, labels[:10])

# %%
# The digits from 0 to 4 stand for the large data set that a published network
# was trained on. The digits from 5 to 9 are your own data: 40 images of each
# class for training, and all others for the test. Your images also look
# different: they are negatives.

is_old = labels < 5
old_images, old_labels = images[is_old][:448], labels[is_old][:448]
new_images, new_labels = -images[~is_old], labels[~is_old] - 5

few = np.concatenate([np.flatnonzero(new_labels == k)[:40] for k in range(5)])
test = np.setdiff1d(np.arange(len(new_labels)), few)
print(
    len(old_labels), "old images,", len(few), "new,", len(test), "for the test"
)

# %%
# The checkpoint
# --------------
#
# The file of a real network is on the pages of timm at Hugging Face, as
# ``model.safetensors``; timm writes one, too::
#
#     import timm
#     from safetensors.torch import save_file
#
#     network = timm.create_model("seresnet18", pretrained=True)
#     save_file(network.state_dict(), "seresnet18.safetensors")
#
# This page is built without a network, so it makes a file of the same kind: it
# trains an SE-ResNet-18 on the old digits, and exports the weights under the
# names that they have in timm.

source = models.SEResNet18(classes=5, input_shape=(16, 16, 3), variant="timm")
source.compile(
    keras.optimizers.SGD(0.02, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
source.fit(old_images, old_labels, batch_size=64, epochs=2, verbose=2)

folder = Path(tempfile.mkdtemp())
file = folder / "seresnet18.safetensors"
state = keras_attention.export_reference_weights(source, "timm")
save_file(state, file)
print(len(state), "arrays, such as", *list(state)[:3])

# %%
# Load the file
# -------------
#
# ``weights`` takes the path of a file. The layout is recognized by the names
# in it, and the arrays are transposed to the order of Keras. Without its
# classifier, the network is a backbone that returns 512 features of an image.
# For the file of a real network, use its own ``preprocess_input`` with
# ``mode="torch"`` on RGB images from 0 to 255.

backbone = models.SEResNet18(
    include_top=False,
    pooling="avg",
    weights=file,
    input_shape=(16, 16, 3),
    variant="timm",
)

# %%
# Train a new classifier
# ----------------------
#
# First the backbone is frozen. Its features are then the same in every
# epoch, so it is enough to compute them once.

backbone.trainable = False
features = backbone.predict(new_images, batch_size=64, verbose=0)

inputs = keras.Input((512,))
head = keras.layers.Dense(5, activation="softmax", name="head")
classifier = keras.Model(inputs, head(inputs))
classifier.compile(
    keras.optimizers.Adam(1e-2), loss="sparse_categorical_crossentropy"
)
classifier.fit(
    features[few], new_labels[few], batch_size=50, epochs=40, verbose=0
)


def accuracy(model, inputs):
    classes = model.predict(inputs, batch_size=64, verbose=0).argmax(axis=-1)
    return np.mean(classes[test] == new_labels[test])


frozen = accuracy(classifier, features)
print(f"test accuracy with the frozen backbone: {frozen:.3f}")

# %%
# Unfreeze the backbone
# ---------------------
#
# Then the backbone learns, too, with a smaller learning rate that decays. Its
# features adapt to the negatives, and its batch normalization learns their
# statistics, for which batches of 50 are large enough. With batches of a few
# images, set ``trainable`` of these layers to ``False``. A change of
# ``trainable`` takes effect with the next ``compile``.

backbone.trainable = True
model = keras.Model(backbone.input, head(backbone.output))
rate = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=48)
model.compile(
    keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy"
)
model.fit(new_images[few], new_labels[few], batch_size=50, epochs=12, verbose=0)
unfrozen = accuracy(model, new_images)
print(f"test accuracy after training the whole network: {unfrozen:.3f}")

# %%
# Save, and go back to timm
# -------------------------
#
# ``.keras`` files hold the whole model. The weights of the backbone can also
# return to PyTorch: timm loads the second file with
# ``load_state_dict(..., strict=True)`` into a network without a classifier.

model.save(folder / "digits.keras")
state = keras_attention.export_reference_weights(backbone, "timm")
save_file(state, folder / "finetuned.safetensors")

# %%
# What next
# ---------
#
# - :doc:`/guide/fine_tuning` lists the networks of timm and their builders.
# - :doc:`/api/checkpoints` lists the layouts of files that can be read.
# - :doc:`see_attention` plots what a trained network attends to.

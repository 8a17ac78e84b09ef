r"""
Straighten images with a spatial transformer
============================================

A spatial transformer finds out how an object is rotated, scaled and moved, and
samples the image so that the object is upright. It learns this from the
classification alone. In this tutorial you train one on rotated digits, and look
at the straightened images. Install this package with a backend and the extra
``examples``, as in :doc:`/guide/install`.
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
from scipy import ndimage
from sklearn.datasets import load_digits

import keras_attention

keras.utils.set_random_seed(0)

# %%
# Rotated digits
# --------------
#
# The digits of scikit-learn are placed on a larger canvas, turned by a random
# angle of up to 60 degrees, and moved. Every training digit is used twice,
# with two angles.

scans, labels = load_digits(return_X_y=True)
scans = scans.reshape(-1, 8, 8).astype("float32") / 16
random = np.random.default_rng(0)


def rotate(scan):
    canvas = np.zeros((24, 24), "float32")
    canvas[4:20, 4:20] = np.kron(scan, np.ones((2, 2)))
    angle = random.uniform(-60, 60)
    turned = ndimage.rotate(canvas, angle, reshape=False, order=1)
    moved = ndimage.shift(turned, random.uniform(-3, 3, size=2), order=1)
    return moved, angle


def rotate_all(scans):
    images, angles = zip(*map(rotate, scans), strict=True)
    return np.stack(images)[..., None], np.array(angles)


train_x, _ = rotate_all(np.tile(scans[:1280], (2, 1, 1)))
train_y = np.tile(labels[:1280], 2)
test_x, test_angles = rotate_all(scans[1280:])
test_y = labels[1280:]
print(train_x.shape, test_x.shape)

# %%
# The transformer
# ---------------
#
# ``SpatialTransformer`` needs a small network that looks at the image and
# returns features, the *localization network*. The layer computes the six
# numbers of an affine map from them, and samples the image at the transformed
# grid. At the start, the map is the identity.

localization = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        layers.Conv2D(16, 5, 2, padding="same", activation="relu"),
        layers.Conv2D(32, 3, 2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
    ],
    name="localization",
)
transformer = keras_attention.SpatialTransformer(
    localization, output_size=16, name="transformer"
)


def build(transformer):
    inputs = keras.Input((24, 24, 1))
    x = inputs if transformer is None else transformer(inputs)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def train(model):
    steps = EPOCHS * len(train_x) // 64
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=64, epochs=EPOCHS, verbose=0)
    _, accuracy = model.evaluate(test_x, test_y, batch_size=517, verbose=0)
    print(f"{model.count_params():,} weights, test accuracy {accuracy:.3f}")
    return model


EPOCHS = 6
plain = train(build(None))
model = train(build(transformer))

# %%
# The straightened images
# -----------------------
#
# The layer is a part of the model, so a second model returns what the layer
# passes on. Above are ten test images, below what the classifier gets.

straight = keras.Model(model.input, transformer.output)
seen = straight.predict(test_x[:10], verbose=0)

figure, axes = plt.subplots(2, 10, figsize=(10, 2.2), layout="constrained")
for column, (above, below) in enumerate(axes.T):
    above.imshow(test_x[column, ..., 0], cmap="gray_r")
    below.imshow(seen[column, ..., 0], cmap="gray_r")
    above.axis("off")
    below.axis("off")
plt.show()

# %%
# The layer was never given an angle. Yet the angle at which it samples an image
# follows the angle by which the digit was rotated.

grid = keras.ops.convert_to_numpy(transformer.attention(test_x))
across = grid[:, 8, -1] - grid[:, 8, 0]  # from left to right, as (u, v)
sampled = np.degrees(np.arctan2(-across[:, 1], across[:, 0]))
print(f"correlation: {np.corrcoef(sampled, test_angles)[0, 1]:.2f}")

# %%
# What next
# ---------
#
# - ``transform`` chooses other maps: translation, attention (scale and
#   translation), projective, and thin-plate splines. See
#   :doc:`/layers/spatial`.
# - :doc:`/gallery/spatial_transformer` compares the maps, with clutter.
# - :doc:`see_attention` plots the attention of other layers.

r"""
Your first attention layer
==========================

In this tutorial you add an attention layer to a small convolutional network,
train the network on handwritten digits, and look at the attention. Install this
package with a backend and the extra ``examples``, as in :doc:`/guide/install`.
"""

# %%
# Choose the backend before the first import of Keras. Replace ``jax`` by
# ``tensorflow`` or ``torch``: everything below stays the same.

import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import matplotlib.pyplot as plt
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_attention

keras.utils.set_random_seed(0)

# %%
# The data
# --------
#
# scikit-learn comes with 1797 scans of handwritten digits, of 8 x 8 pixels.
# 1280 of them are for training, the others for the test.

images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
train_x, test_x, train_y, test_y = train_test_split(
    images, labels, train_size=1280, stratify=labels, random_state=0
)
print(train_x.shape, test_x.shape)

# %%
# The layer
# ---------
#
# An attention layer takes a map of features and returns a map of the same
# shape. ``CBAM`` multiplies each channel by a weight between 0 and 1, and then
# each position. The weight of a position is computed from the window of
# ``kernel_size`` pixels around it, which is small here, as the images are.

cbam = keras_attention.CBAM(reduction=8, kernel_size=3)
features = keras.random.normal((2, 8, 8, 32))
print(cbam(features).shape)
print(cbam.count_params(), "weights")

# %%
# The weights themselves are the *attention*. The method ``attention`` returns
# them: for CBAM one weight for each channel, and one for each position.

for name, weights in cbam.attention(features).items():
    print(name, tuple(weights.shape))

# %%
# The network
# -----------
#
# In Keras, a layer is called with the output of the layer before it, and
# ``keras.Model`` is the network from the inputs to the outputs. The attention
# layer stands between two convolutions, like any other layer. With
# ``attention=None`` the same function builds the network without attention.
#
# ``compile`` sets the optimizer, whose learning rate falls to zero here, and
# the loss. ``fit`` trains the network, and ``evaluate`` measures its accuracy
# on the test images.


def build(attention):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    if attention is not None:
        x = attention(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def train(attention):
    keras.utils.set_random_seed(1)
    model = build(attention)
    steps = EPOCHS * len(train_x) // 64
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=64, epochs=EPOCHS, verbose=0)
    _, accuracy = model.evaluate(test_x, test_y, batch_size=517, verbose=0)
    print(f"{model.count_params():,} weights, test accuracy {accuracy:.3f}")
    return model


EPOCHS = 12
plain = train(None)
model = train(keras_attention.CBAM(reduction=8, kernel_size=3, name="cbam"))

# %%
# These digits are easy, so attention is not needed for them, and another seed
# changes the accuracy about as much as the layer does. :doc:`/guide/choosing`
# shows how to compare layers over several seeds, on your own images.

# %%
# What the network attends to
# ---------------------------
#
# ``attention_maps`` returns the attention of every layer of a model for some
# images. Here are ten test digits, and below them the weight of each position.

maps = keras_attention.attention_maps(model, test_x[:10])
spatial = maps["cbam"]["spatial"]

figure, axes = plt.subplots(2, 10, figsize=(10, 2.2), layout="constrained")
for column, (above, below) in enumerate(axes.T):
    above.imshow(test_x[column, ..., 0], cmap="gray_r")
    heatmap = below.imshow(spatial[column, ..., 0], "magma", vmin=0, vmax=1)
    above.axis("off")
    below.axis("off")
figure.colorbar(heatmap, ax=axes, label="weight")
plt.show()

# %%
# The network keeps the middle of the images, and gives smaller weights to
# corners and edges. With so small an image around each digit, there is little
# else to leave out. :doc:`see_attention` has images with clutter.

inside = spatial[:, 2:6, 2:6].mean()
corners = spatial[:, ::7, ::7].mean()
print(f"mean weight: {inside:.2f} in the middle, {corners:.2f} in the corners")

# %%
# Save and load
# -------------
#
# The model is saved like any model of Keras. A program that loads the file
# imports ``keras_attention`` first.

file = Path(tempfile.mkdtemp()) / "digits.keras"
model.save(file)
again = keras.saving.load_model(file)
before, after = (x.predict(test_x[:10], verbose=0) for x in (model, again))
print("largest change of a prediction:", abs(after - before).max())

# %%
# What next
# ---------
#
# - :doc:`/guide/choosing` compares all layers: what they do, what they cost.
# - :doc:`fine_tune_checkpoint` starts from weights that others have trained.
# - :doc:`see_attention` inserts attention into a trained network.

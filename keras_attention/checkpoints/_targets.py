"""The weights of a target, and where in it they are."""

import keras


def weights_by_path(target: keras.layers.Layer) -> dict[str, keras.Variable]:
    """Return the weights of a target by their paths of attributes."""
    return {
        weight.path.removeprefix(f"{target.path}/").replace("/", "."): weight
        for weight in target.weights
    }

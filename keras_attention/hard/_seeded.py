"""Draws that go on where they were when a file was written."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation


class Seeded:
    """Base of a layer or model that draws, whose files hold where it is.

    Keras leaves that out: a training that is resumed would begin to draw anew.
    """

    def __init__(self, *, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = validation.seed("seed", seed)
        # One name in all models, as PyTorch's `state_dict` has it in its keys.
        self.seed_generator = keras.random.SeedGenerator(
            self.seed, name="seed_generator"
        )

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}  # type: ignore[misc]

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)  # type: ignore[misc]
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: Any) -> None:
        own = {name: store[name] for name in store.keys()}  # noqa: SIM118
        # A file may be from before this was in it.
        state = own.pop("seed_state", None)
        super().load_own_variables(own)  # type: ignore[misc]
        if state is not None:
            self.seed_generator.state.assign(np.asarray(state))

"""Random number generators whose state is saved with the weights."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation


class Seeded:
    """Base class of layers and models that save their random state.

    Keras does not save this state, so a resumed training would start from the
    seed again.
    """

    def __init__(self, *, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = validation.seed("seed", seed)
        # A fixed name, as the keys of PyTorch's `state_dict` contain it.
        self.seed_generator = keras.random.SeedGenerator(
            self.seed, name="seed_generator"
        )

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)  # type: ignore[misc]
        store["seed_state"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store: Any) -> None:
        own = {name: store[name] for name in store.keys()}  # noqa: SIM118
        # Files written by Keras alone have no state.
        state = own.pop("seed_state", None)
        super().load_own_variables(own)  # type: ignore[misc]
        if state is not None:
            self.seed_generator.state.assign(np.asarray(state))

"""A functional model with given names of its outputs."""

import keras


@keras.saving.register_keras_serializable(package="keras_attention")
class NamedOutputs(keras.Model):
    """Functional model with given names of its outputs.

    `compile(loss={...})` uses these names.
    """

    # Keras 3.11 does not save the graph if the arguments have names here.
    def __init__(self, *args, output_names=(), **kwargs):
        super().__init__(*args, **kwargs)
        if output_names:
            self.output_names = list(output_names)

    def get_config(self):
        return {**super().get_config(), "output_names": [*self.output_names]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        names = config.pop("output_names")
        model = super().from_config(config, custom_objects)
        model.output_names = list(names)
        return model

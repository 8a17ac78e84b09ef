"""Makes OpenVINO compute in float32; must be imported before Keras.

On processors with instructions for bfloat16, that is the default precision of
OpenVINO, and Keras has no argument for another one. The guide on backends has
the same lines.
"""

import functools
import os

if os.environ.get("KERAS_BACKEND") == "openvino":
    import openvino

    openvino.compile_model = functools.partial(
        openvino.compile_model, config={"INFERENCE_PRECISION_HINT": "f32"}
    )

"""Which compiler a function is traced for."""

import tensorflow as tf


def is_xla_on_cpu():
    """Return whether what is being traced is for XLA, and for no accelerator.

    What XLA makes one loop of may be a hundred small operations without it.
    """
    if tf.executing_eagerly() or tf.config.list_logical_devices("GPU"):
        return False
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        context = graph._get_control_flow_context()
        if context is not None and context.IsXLAContext():
            return True
        graph = getattr(graph, "outer_graph", None)
    return False

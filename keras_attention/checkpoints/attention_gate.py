"""Key maps of attention gates."""

from keras_attention.checkpoints._axis_order import AxisOrder
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear
from keras_attention.spatial import AttentionGate


def attention_gate_key_maps(target: AttentionGate) -> dict[str, KeyMap]:
    """Return the key maps for a target with this number of spatial axes."""
    axes = target.input_spec.ndim - 2
    pointwise = AxisOrder("IO", ("OI" + "1" * axes, "OI"))
    space = "DHWTUV"[:axes]  # any letters
    if target.grid:
        theta = AxisOrder(f"{space}IO", (f"OI{space}",))
        return {
            "official": (
                linear("W.0", "out", pointwise)
                | batch_norm("W.1", "out_norm")
                | {"theta.weight": ("theta", theta)}
                | linear("phi", "phi", pointwise)
                | linear("psi", "psi", pointwise)
            )
        }
    return {
        "monai": (
            linear("W_g.0.conv", "phi", pointwise)
            | batch_norm("W_g.1", "phi_norm")
            | linear("W_x.0.conv", "theta", pointwise)
            | batch_norm("W_x.1", "theta_norm")
            | linear("psi.0.conv", "psi", pointwise)
            | batch_norm("psi.1", "psi_norm")
        )
    }

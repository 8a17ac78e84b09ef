"""Large kernel attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Large kernel attention in JAX."""
    from jax import lax

    last = config["data_format"] == "channels_last"
    layout = "NHWC" if last else "NCHW"

    def convolve(x, name, dilation):
        kernel, bias = w[f"{name}/kernel"], w[f"{name}/bias"]
        y = lax.conv_general_dilated(
            x,
            kernel if kernel.ndim == 4 else kernel[None, None],
            (1, 1),
            "SAME",
            rhs_dilation=(dilation, dilation),
            dimension_numbers=(layout, "HWIO", layout),
            feature_group_count=len(bias) if kernel.ndim == 4 else 1,
        )
        return y + (bias if last else bias[:, None, None])

    a = convolve(x, "local", 1)
    a = convolve(a, "dilated", config["dilation_rate"])
    return x * convolve(a, "pointwise", 1), {}


def tensorflow(w, x, *, config, training):
    """Large kernel attention in TensorFlow."""
    import tensorflow as tf

    # TensorFlow convolves channel by channel with the channels last only.
    last = config["data_format"] == "channels_last"
    a = x if last else tf.transpose(x, (0, 2, 3, 1))
    for name, dilation in (("local", 1), ("dilated", config["dilation_rate"])):
        a = tf.nn.depthwise_conv2d(
            a,
            tf.transpose(w[f"{name}/kernel"], (0, 1, 3, 2)),
            (1, 1, 1, 1),
            "SAME",
            dilations=(dilation, dilation),
        )
        a = a + w[f"{name}/bias"]
    a = tf.tensordot(a, w["pointwise/kernel"], 1) + w["pointwise/bias"]
    return x * (a if last else tf.transpose(a, (0, 3, 1, 2)))


def torch(w, x, *, config, training):
    """Large kernel attention in PyTorch."""
    from torch.nn.functional import conv2d

    last = config["data_format"] == "channels_last"
    x = x.permute(0, 3, 1, 2) if last else x
    a = x
    for name, dilation in (("local", 1), ("dilated", config["dilation_rate"])):
        kernel = w[f"{name}/kernel"]
        a = conv2d(
            a,
            kernel,
            w[f"{name}/bias"],
            padding=dilation * (kernel.shape[-1] // 2),
            dilation=dilation,
            groups=len(kernel),
        )
    kernel = w["pointwise/kernel"][:, :, None, None]
    y = x * conv2d(a, kernel, w["pointwise/bias"])
    return y.permute(0, 2, 3, 1) if last else y

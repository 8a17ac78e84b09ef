"""One of the paths of selective kernels."""

from keras_attention._base.conv_norm import ConvNormReLU


class DilatedPath(ConvNormReLU):
    """Convolution of one dilation. Saved files have the name of this class."""

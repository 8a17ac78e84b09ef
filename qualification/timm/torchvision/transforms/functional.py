"""The names of `torchvision.transforms.functional` that timm imports."""

import enum


class InterpolationMode(enum.Enum):
    """The interpolations of which timm makes a table."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"

"""The class of `torchvision.transforms` from which timm derives another."""


class ToTensor:
    """A transformation that no test applies."""

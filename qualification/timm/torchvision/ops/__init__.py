"""The operations of torchvision that timm imports."""

"""A stand-in for torchvision, with which timm can be imported.

timm needs torchvision for the transformations of images, and for a class of
frozen batch normalization. Its networks need neither. No wheel of torchvision
fits the PyTorch of `constraints.txt`.
"""

"""The data sets that timm imports; no test loads one."""

CIFAR10 = CIFAR100 = MNIST = KMNIST = FashionMNIST = ImageFolder = None

"""Axes of maps."""


def spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def channel(config):
    """Return the axis of channels."""
    return 3 if config["data_format"] == "channels_last" else 1


def all_but_channel(config):
    """Return all axes of a map except the channel axis."""
    return (0, *spatial(config))

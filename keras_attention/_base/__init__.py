"""Base classes of layers, and the rule for calling the layers inside."""

"""What only one backend can do: the one place that may import a backend."""

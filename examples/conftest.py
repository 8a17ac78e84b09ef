"""Pytest: the examples are programs to run, not modules to import."""

collect_ignore_glob = ["_*.py", "digits.py"]

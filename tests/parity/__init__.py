"""All backends compute the same, of arguments that are generated.

`generated.py` makes the cases, the same in each process. `worker.py` runs them
under one backend and writes what it computed, and `test_backends.py` compares.
"""

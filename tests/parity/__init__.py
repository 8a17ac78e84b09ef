"""All backends compute the same results for generated cases.

`generated.py` makes the cases, the same in each process. `worker.py` runs them
under one backend and writes what it computed, and `test_backends.py` compares.
"""

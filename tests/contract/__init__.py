"""The contract of every layer of this package, one test per property.

`selection.for_cases` parametrizes each test over the cases of `cases.py`, by
traits of the layers: a new layer is tested as soon as it has a case.
"""

"""Property-based tests of every layer and function.

`strategies` generates the cases, `functions` has the functions as layers,
`selection` runs each test of `test_properties` on generated cases.
"""

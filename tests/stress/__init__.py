"""Property-based tests of every layer and function.

`strategies` generates the cases, `functions` has the functions as layers, and
`properties` has the properties of all generated cases.
"""

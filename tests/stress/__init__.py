"""Properties of every layer and function, on cases that nobody chose.

`draws` knows what a layer or function may be given, `functions` are the
functions as layers, `properties` is what must hold for all that is drawn.
"""

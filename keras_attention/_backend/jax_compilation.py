"""Compilation of functions that are native forms for JAX."""

import functools

import jax


@functools.cache
def compiled(function, static=()):
    """Compile a function, which is then fused with its caller.

    Called eagerly, each operation of it would be compiled by itself. `static`
    has the names, or the numbers, of the arguments that are no arrays.
    """
    if static and isinstance(static[0], int):
        return jax.jit(function, static_argnums=static, inline=True)
    return jax.jit(function, static_argnames=static, inline=True)

"""The zoo's CI: judges models that nobody trusts, each in a sandbox, and says everything that is wrong at once.

Nothing that a model's code says of itself decides anything here: samples come out of the sandbox as numbers, and what
they are worth is computed outside.
"""

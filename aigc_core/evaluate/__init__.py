"""How good samples are, and whether they are copies: numbers that say what they are of, and compare where they can.

The core is a plugin of itself, ``core``: its metrics and its feature extractor are declared in ``aigc_core/zoo`` and
named as everybody's are, ``core:frechet``. Nothing heavy is imported here.
"""

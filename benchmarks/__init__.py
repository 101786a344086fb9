"""Benchmarks: what an optimisation buys, measured against itself switched off.

Each module is a script with a `main` of its own (`python -m weft.benchmarks.extraction`). Nothing here asserts and no
test holds a time; README.md says how to run them and how to write a figure down.
"""

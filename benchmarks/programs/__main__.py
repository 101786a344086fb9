"""`python -m weft.benchmarks.programs`."""

from .command import main

main()

"""`python -m weft.benchmarks.serving`."""

from .command import main

main()

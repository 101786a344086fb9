"""`python -m weft.benchmarks.serving`: weft's server and others on the same weights, workloads and client, in one run.

`command.py` is the way of a run and the place to begin. `model.py` makes the weights; `workloads.py` says what is asked
and `client.py` asks it; `measure.py` turns answers into figures and `report.py` figures into tables. `peers/` knows how
each server is started and what it cannot do.
"""

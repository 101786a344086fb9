"""The wire between API processes and the engine process: typed msgspec messages over ZeroMQ.

`messages.py` has them all and `faults.py` errors as plain values; `client.py` is the API's end, `service.py` the
engine's.
"""

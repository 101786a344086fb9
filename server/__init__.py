"""The HTTP API and the engine process behind it.

Two processes or more. An API process (`app.py`, FastAPI under uvicorn) speaks HTTP, tokenises, renders chat templates
and holds no model; the engine process (`engine_process.py`) holds the model and nothing of HTTP. Between them goes the
wire (`wire/`): typed msgspec messages over ZeroMQ. `serve.py` puts all together; begin there. `supervisor.py` starts
the engine process, notices its death and starts the next one; `api_server.py` is the API on a listening socket, in the
main process or, where `workers.py` keeps several, in processes of their own (`api_process.py`). Each API that is spoken
has a folder: `openai/`, `anthropic/` ...; what they share stands beside them.
"""

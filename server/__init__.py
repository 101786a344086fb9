"""The HTTP API and the engine process behind it.

Two processes. An API process (`app.py`, FastAPI under uvicorn) speaks HTTP, tokenises, renders chat templates and holds
no model; the engine process (`engine_process.py`) holds the model and nothing of HTTP. Between them goes the wire
(`wire/`): typed msgspec messages over ZeroMQ. `launch.py` starts the engine process and notices its death; `serve.py`
puts all together; begin there. Each API that is spoken has a folder: `openai/` ...; what they share stands beside them.
"""

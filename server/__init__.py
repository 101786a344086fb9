"""The HTTP API and the engine process behind it.

Two processes. The API process (`app.py`, FastAPI under uvicorn) speaks OpenAI's API, tokenises, renders chat templates
and holds no model; the engine process (`engine_process.py`) holds the model and nothing of HTTP. Between them go typed
msgspec messages over ZeroMQ (`messages.py`): `client.py` is the API's end of the wire, `service.py` the engine's, and
`launch.py` starts the engine process and notices its death. `serve.py` puts both processes together; begin there.
"""

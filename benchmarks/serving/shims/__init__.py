"""An HTTP face for libraries that bring no server: OpenVINO GenAI and transformers' `generate`.

Each is run by the Python that has the library, where weft itself need not be installed: nothing here imports more of it
than this folder. `http_face.py` speaks HTTP; every other file drives one library from a thread of its own.
"""

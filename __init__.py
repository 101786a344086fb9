"""weft: a structured-generation language and the runtime that serves it."""

__version__ = "0.1.0"

"""The language: Python functions that write text, turns and model calls to a state, and read back what came of them.

Knows neither torch nor the runtime nor HTTP: calls go to whatever satisfies `backend.Backend`.

Where to begin: `primitives.py` is what a program writes and `state.py` what it reads; `ir.py` are the nodes behind
them, `interpreter.py` what a node does, `chain.py` how a state's nodes run one after another on the loop of `loop.py`;
`program.py` and `batch.py` are the ways to run; `fake.py` is a backend for tests.
"""

from .backend import Backend, GenerateTicket, Ticket
from .default import default_backend, set_default_backend, set_default_factory
from .fake import Answer, ScriptedBackend
from .primitives import assistant, gen, select, system, tool, tools, user
from .program import Program, function
from .state import Forks, State
from .values import Meta

__all__ = [
    "Answer",
    "Backend",
    "Forks",
    "GenerateTicket",
    "Meta",
    "Program",
    "ScriptedBackend",
    "State",
    "Ticket",
    "assistant",
    "default_backend",
    "function",
    "gen",
    "select",
    "set_default_backend",
    "set_default_factory",
    "system",
    "tool",
    "tools",
    "user",
]

"""Log lines of both processes: text for people or JSON for programs, each with the id of the request it is about."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class LogFormat(StrEnum):
    """What log lines are written as."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """What is logged: this and everything above."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that this task works for: an HTTP call's id in an API process, a request's own in the engine process."""

FIELDS = (
    "method",
    "path",
    "status",
    "seconds",
    "answer_id",
    "prompt_tokens",
    "completion_tokens",
    "finish_reason",
    "error_code",
)
"""What a line about an HTTP call has beside its message; None where it is not known."""


def configure(level: LogLevel, form: LogFormat, process: str) -> None:
    """Let everything that is logged in this process go to stderr, as `form`; `process` is named in each line."""
    handler = logging.StreamHandler()
    handler.addFilter(add_request_id)
    handler.setFormatter(JsonLines(process) if form is LogFormat.JSON else TextLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class TextLines(logging.Formatter):
    """A line of text for each record."""

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s %(name)s ({process})%(about)s: %(message)s%(call)s")

    def format(self, record: logging.LogRecord) -> str:
        about = _request_id(record)
        record.about = f" [{about}]" if about else ""
        known = {name: getattr(record, name, None) for name in FIELDS}
        record.call = "".join(f" {name}={value}" for name, value in known.items() if value is not None)
        return super().format(record)


class JsonLines(logging.Formatter):
    """A JSON object for each record. All have the same keys; a line about an HTTP call has those of `FIELDS` too."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": _request_id(record),
            "trace": self.formatException(record.exc_info) if record.exc_info else None,
        }
        if hasattr(record, "status"):
            line |= {name: getattr(record, name, None) for name in FIELDS}
        return json.dumps(line)


def add_request_id(record: logging.LogRecord) -> bool:
    """A logging filter: name the request that the logging task works for."""
    if not hasattr(record, "request_id"):
        record.request_id = request_id.get()
    return True


def _request_id(record: logging.LogRecord) -> str | None:
    return getattr(record, "request_id", None)

"""Errors as Anthropic's clients expect them: an envelope, and a status of its own for an overload.

`server/errors.py` asks for this form on the paths under `PREFIX`, so that whatever refuses a request there does so in
the words of its API.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

PREFIX = "/v1/messages"
REQUEST_ID = "Request-Id"
"""The header by which Anthropic's clients know a call, beside the one that all answers have."""

_OVERLOADED = 529
_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    _OVERLOADED: "overloaded_error",
}


class AnthropicErrorDetails(BaseModel):
    """The stable word for programs, and the field at fault."""

    error_code: str | None
    param: str | None


class AnthropicError(BaseModel):
    """What went wrong."""

    type: str
    message: str
    details: AnthropicErrorDetails


class AnthropicErrorEnvelope(BaseModel):
    """The body of every error of this API."""

    type: Literal["error"]
    error: AnthropicError
    request_id: str | None


ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"model": AnthropicErrorEnvelope, "description": "What went wrong."}
}
"""What the OpenAPI page says of this API's errors."""


def is_anthropic(path: str) -> bool:
    """Whether a path belongs to Anthropic's API."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def anthropic_status(status: int, code: str | None) -> int:
    """Anthropic's status for a full queue, which its clients try again after; others are the usual ones."""
    return _OVERLOADED if status == 503 and code == "overloaded" else status


def anthropic_envelope(
    message: str, status: int, *, param: str | None = None, code: str | None = None, request_id: str | None = None
) -> dict[str, Any]:
    """Anthropic's error object; `details` has the field at fault and the stable word for programs."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    details = {"error_code": code, "param": param}
    error = {"type": kind, "message": message, "details": details}
    return {"type": "error", "error": error, "request_id": request_id}

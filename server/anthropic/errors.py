"""Errors as Anthropic's clients expect them: an envelope, and a status of its own for an overload.

`server/errors.py` asks for this form on the paths under `PREFIX`, so that whatever refuses a request there does so in
the words of its API.
"""

from __future__ import annotations

from typing import Any

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

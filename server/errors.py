"""Errors as clients expect them: OpenAI's envelope `{"error": {message, type, param, code}}` and a status.

On the paths of Anthropic's API, they have Anthropic's form.
"""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ..errors import DeadlineExceeded, EngineClosed, InvalidRequest, NotFound, Overloaded, UnknownOption, WeftError
from .anthropic.errors import REQUEST_ID as ANTHROPIC_REQUEST_ID
from .anthropic.errors import anthropic_envelope, anthropic_status, is_anthropic
from .calls import current_call

log = logging.getLogger("weft.server")

RETRY_AFTER_SECONDS = "1"
CLIENT_CLOSED_REQUEST = 499
MESSAGE_CHARACTERS = 400
PARAM_CHARACTERS = 200
"""The most that an answer says of what went wrong, and of where: either can hold what a client made up."""
REQUEST_ID = "X-Request-Id"
"""The header that names a call, in requests and answers."""


class ErrorDetail(BaseModel):
    """What went wrong; `param` is the field at fault, `code` a stable word for programs."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """Every error's body."""

    error: ErrorDetail


class ClientGone(Exception):
    """The client went away before its answer; nobody reads what is sent."""


class TooLarge(InvalidRequest):
    """The request's body is over the bound."""

    code = "request_too_large"


class HeadersTooLarge(InvalidRequest):
    """The request line and the headers are over the bound."""

    code = "headers_too_large"


class BodyTooSlow(InvalidRequest):
    """The request's body did not arrive in time."""

    code = "request_timeout"


class TimedOut(WeftError):
    """The call took longer than it may."""

    code = "timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the request took longer than {seconds:g} seconds, which is the most it may take")


class Unauthorized(InvalidRequest):
    """The call shows no key that this server knows."""

    code = "invalid_api_key"


_STATUS: tuple[tuple[type[WeftError], int], ...] = (
    (Unauthorized, 401),
    (BodyTooSlow, 408),
    (TooLarge, 413),
    (HeadersTooLarge, 431),
    (InvalidRequest, 400),
    (NotFound, 404),
    (Overloaded, 503),
    (EngineClosed, 503),
    (TimedOut, 504),
    (DeadlineExceeded, 504),
)


def status_of(error: WeftError) -> int:
    """The HTTP status of an error; 500 for what is not the client's fault nor passing."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def envelope(message: str, status: int, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    message, param = shortened(message, param)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def shortened(message: str, param: str | None) -> tuple[str, str | None]:
    """An error's message and param, as long as they may be in an answer."""
    return _short(message, MESSAGE_CHARACTERS), None if param is None else _short(param, PARAM_CHARACTERS)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 4] + " ..."


def error_body(error: WeftError) -> dict[str, Any]:
    """The envelope of a typed error."""
    return envelope(error.message, status_of(error), param=error.param, code=error.code)


def id_headers(path: str) -> tuple[str, ...]:
    """The headers of an answer that name the call."""
    return (REQUEST_ID, ANTHROPIC_REQUEST_ID) if is_anthropic(path) else (REQUEST_ID,)


def error_response(path: str, error: WeftError, headers: Mapping[str, str] | None = None) -> Response:
    """A typed error in the form of the API that `path` belongs to; one that passes by itself says when to try again."""
    status = status_of(error)
    passing = {"Retry-After": RETRY_AFTER_SECONDS} if status == 503 else {}
    return _response(
        path, error.message, status, param=error.param, code=error.code, headers={**passing, **(headers or {})}
    )


def _response(
    path: str,
    message: str,
    status: int,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    call = current_call()
    call.error_code = code
    if is_anthropic(path):
        status = anthropic_status(status, code)
        message, param = shortened(message, param)
        body = anthropic_envelope(message, status, param=param, code=code, request_id=call.id)
        return JSONResponse(body, status, headers)
    return JSONResponse(envelope(message, status, param=param, code=code), status, headers)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every failure of a handler by the envelope."""
    app.add_exception_handler(WeftError, _typed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _unexpected)


async def _typed(request: Request, error: Exception) -> Response:
    assert isinstance(error, WeftError)
    return error_response(request.scope["path"], error)


async def _invalid(request: Request, error: Exception) -> Response:
    """400, never 422; the first fault that pydantic found, without the input."""
    assert isinstance(error, RequestValidationError)
    message, param, code = describe_invalid(error.errors(), error.body)
    return _response(request.scope["path"], message, 400, param=param, code=code)


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, wrong method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    code = http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return _response(request.scope["path"], str(error.detail), error.status_code, code=code, headers=error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _unexpected(request: Request, __: Exception) -> Response:
    # Starlette's outermost middleware, which no other can wrap, sends this answer; then it raises the error again, and
    # uvicorn logs it.
    path = request.scope["path"]
    headers = dict.fromkeys(id_headers(path), current_call().id)
    return _response(path, "the server failed unexpectedly", 500, code="internal_error", headers=headers)


def describe_invalid(faults: Sequence[Any], body: Any) -> tuple[str, str | None, str]:
    """(message, param, code) of a body that pydantic refused, by the fault found deepest in it."""
    places = [(_place(fault, body), fault) for fault in faults]
    place, fault = max(places, key=lambda entry: len(entry[0]))
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, UnknownOption) and place:
        inner = f"{_path(place)}."  # the model that refused a field of its own knows only its name
        return f"{inner}{raised.message}", f"{inner}{raised.param}", raised.code
    if isinstance(raised, WeftError):
        return raised.message, raised.param, raised.code
    if fault["type"] == "json_invalid":
        return "the body is not valid JSON", None, "invalid_json"
    if not place and fault["type"] in ("model_attributes_type", "model_type", "dict_type"):
        return "the body must be a JSON object, sent as application/json", None, "invalid_json"
    param = _path(place) or None
    if fault["type"] == "extra_forbidden":
        return f"{param}: there is no such field", param, "unknown_option"
    if fault["type"] == "missing":
        return f"{param or 'the body'}: this field is required", param, "missing_field"
    return f"{param or 'the body'}: {fault['msg']}", param, "invalid_request"


def _place(fault: Any, body: Any) -> list[str | int]:
    """A fault's location as it exists in the body, that is, without the names of union members."""
    place: list[str | int] = []
    location = fault["loc"][1:]  # the first step is "body"
    for step in location:
        if (isinstance(body, dict) and step in body) or (isinstance(body, list) and isinstance(step, int)):
            body = body[step]
            place.append(step)
    if fault["type"] == "missing" and location:
        place.append(location[-1])
    return place


def _path(place: Sequence[str | int]) -> str:
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path

"""What `weft serve` can be told, checked where it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from ..errors import InvalidRequest
from ..request import MAX_STOP_STRINGS
from .logs import LogFormat, LogLevel


class EngineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`weft.Engine`'s arguments by the same names, as they go to the engine process. None leaves the engine's default.

    `model` is a model folder; None is the built-in model.
    """

    model: str | None = None
    name: str | None = None
    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    page_size: int | None = None
    num_pages: int | None = None
    max_running: int | None = None
    max_queue: int | None = None
    prefill_chunk: int | None = None
    max_context: int | None = None
    batch_invariant: bool | None = None
    radix_cache: bool | None = None
    host_cache_bytes: int | None = None
    cache_dir: str | None = None
    disk_cache_bytes: int | None = None
    speculation: str | None = None
    eviction: str | None = None
    seed: int | None = None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that were given."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one HTTP request may ask.

    Attributes:
        body_bytes: largest request body.
        n: most choices for each prompt.
        prompts: most prompts in one completion request.
        inputs: most texts in one embedding request.
        tokens: most token ids to be turned into text by one request.
        generations: most choices in all, over the request's prompts.
        messages: most messages of a chat.
        tools: most tools of a chat.
        stop: most stop strings.
        logit_bias: most tokens whose logits a request changes.
        constraint_bytes: largest source of a constraint: a schema, a grammar, all of a chat's tools together.
        schema_depth: deepest nesting of a constraint that is JSON.
        json_depth: deepest nesting of a body.
        body_timeout: seconds that a body may take to arrive.
        request_timeout: seconds that a request may take as a whole, its answer included.
    """

    body_bytes: int = 8 * 1024 * 1024
    n: int = 16
    prompts: int = 128
    inputs: int = 2048
    tokens: int = 1_000_000
    generations: int = 256
    messages: int = 4096
    tools: int = 256
    stop: int = MAX_STOP_STRINGS
    logit_bias: int = 1024
    constraint_bytes: int = 1024 * 1024
    schema_depth: int = 100
    json_depth: int = 128
    body_timeout: float = 60.0
    request_timeout: float = 600.0

    def validate(self) -> None:
        """Raise `InvalidRequest` for a bound that nothing could keep."""
        for bound in fields(self):
            value = getattr(self, bound.name)
            if not value > 0:
                raise InvalidRequest(f"{bound.name} must be more than 0, not {value}", param=bound.name)
        if self.stop > MAX_STOP_STRINGS:
            raise InvalidRequest(f"stop must be {MAX_STOP_STRINGS} at most, not {self.stop}", param="stop")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How connections are treated, by each API process.

    Attributes:
        keep_alive_timeout: seconds that a connection may be idle between two requests.
        max_header_bytes: largest request line and headers together.
        max_connections: most connections at once; requests on further ones are answered by 503.
        backlog: most connections that wait to be taken.
    """

    keep_alive_timeout: int = 5
    max_header_bytes: int = 64 * 1024
    max_connections: int = 8192
    backlog: int = 2048


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Who may call.

    Attributes:
        api_keys: a call must show one of them; none lets everyone call.
        cors_origins: the origins whose web pages may call from a browser; "*" is all.
        salt_by_key: whether requests of different keys share no cached prefix.
    """

    api_keys: tuple[str, ...] = field(default=(), repr=False)
    cors_origins: tuple[str, ...] = ()
    salt_by_key: bool = False

    def validate(self) -> None:
        """Raise `InvalidRequest` for what cannot work. No message tells a key."""
        for key in self.api_keys:
            if not _KEY.fullmatch(key):
                raise InvalidRequest(
                    "an API key must be of visible ASCII characters, which headers hold", param="api_key"
                )
        for origin in self.cors_origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise InvalidRequest(
                    f"cors_origin must be * or like https://example.org, not {origin!r}", param="cors_origin"
                )
        if self.salt_by_key and not self.api_keys:
            raise InvalidRequest("salt_by_key: needs API keys", param="salt_by_key")


_KEY = re.compile(r"[!-~]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@]+")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Everything `weft serve` is told.

    Attributes:
        engine: for the engine process.
        host, port: where to listen; port 0 takes a free one.
        served_name: the name clients call the model by; None is the engine's name for it.
        tool_parser, reasoning_parser: as in `dialect.py`; auto is what the model's chat template shows.
        shutdown_timeout: seconds that requests in flight are given after SIGTERM.
        log_level, log_format: what both processes log, and as what; it goes to stderr.
        limits: bounds on each request.
        http: bounds on connections.
        access: who may call.
        api_workers: API processes; 1 is the main process itself, more are processes beside it.
        engine_restarts: how often within ten minutes an engine that died is started again, and so each API worker.
    """

    engine: EngineOptions = field(default_factory=EngineOptions)
    host: str = "127.0.0.1"
    port: int = 8000
    served_name: str | None = None
    tool_parser: str = "auto"
    reasoning_parser: str = "auto"
    shutdown_timeout: float = 30.0
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    limits: Limits = field(default_factory=Limits)
    http: HttpOptions = field(default_factory=HttpOptions)
    access: AccessOptions = field(default_factory=AccessOptions)
    api_workers: int = 1
    engine_restarts: int = 3

    def validate(self) -> None:
        """Raise `InvalidRequest` for an option out of its range."""
        self.access.validate()
        self.limits.validate()
        for name, value, least in (
            ("api_workers", self.api_workers, 1),
            ("engine_restarts", self.engine_restarts, 0),
            ("shutdown_timeout", self.shutdown_timeout, 0),
            ("keep_alive_timeout", self.http.keep_alive_timeout, 0),
            ("max_header_bytes", self.http.max_header_bytes, 1024),
            ("max_connections", self.http.max_connections, 1),
            ("backlog", self.http.backlog, 1),
        ):
            if value < least:
                raise InvalidRequest(f"{name} must be {least} at least, not {value}", param=name)

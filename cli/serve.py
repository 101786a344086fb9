"""`weft serve`."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from ..server.logs import LogFormat, LogLevel
from ..server.options import Limits

LIMITS = Limits()

if TYPE_CHECKING:
    from ..server.notices import Notice


def serve(
    model: Annotated[str | None, typer.Argument(help="A folder or .gguf file; the built-in model if left out.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    served_model_name: Annotated[
        str | None, typer.Option(help="What clients call the model; its folder's name if left out.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    quantization: Annotated[
        str | None, typer.Option(help="Weights as int8 or int4, or dynamic-int8, which rounds activations too.")
    ] = None,
    max_context: Annotated[
        int | None,
        typer.Option(
            "--max-context", "--max-model-len", help="Bound on prompt and output together, in tokens; the model's own."
        ),
    ] = None,
    page_size: Annotated[int, typer.Option(help="Tokens that a page of the KV cache holds.")] = 16,
    num_pages: Annotated[int | None, typer.Option(help="Pages of the KV cache; by memory if left out.")] = None,
    max_running: Annotated[int, typer.Option(help="Most sequences computed at once.")] = 64,
    max_queue: Annotated[int, typer.Option(help="Most requests waiting; one more is answered by 503.")] = 4096,
    prefill_chunk: Annotated[int, typer.Option(help="Most prompt tokens computed in one step.")] = 512,
    batch_invariant: Annotated[
        bool, typer.Option("--batch-invariant", help="An output is the same bit for bit in any batch; slower.")
    ] = False,
    radix_cache: Annotated[bool, typer.Option(help="Keep and share computed prefixes.")] = True,
    host_cache_mb: Annotated[
        int | None,
        typer.Option(min=0, help="MiB of host memory for prefixes that the device has no room for; 0 on CPUs."),
    ] = None,
    cache_dir: Annotated[
        str | None, typer.Option(help="A directory for prefixes that outlive the server; without it, none do.")
    ] = None,
    disk_cache_mb: Annotated[int, typer.Option(min=1, help="Most MiB of files in --cache-dir.")] = 16 * 1024,
    speculation: Annotated[
        str, typer.Option(help="Guess ahead from the prompt and output: auto (where it pays), prompt_lookup, off.")
    ] = "auto",
    eviction: Annotated[
        str, typer.Option(help="Which prefixes go first when pages run out: program (by what is known of it) or lru.")
    ] = "program",
    seed: Annotated[int, typer.Option(help="Seeds the seeds of requests that bring none.")] = 0,
    tool_parser: Annotated[
        str, typer.Option(help="How the model writes tool calls: auto, none, hermes, llama3_json, mistral, pythonic.")
    ] = "auto",
    reasoning_parser: Annotated[
        str, typer.Option(help="How the model marks its reasoning: auto, none, think.")
    ] = "auto",
    shutdown_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that requests in flight are given after SIGTERM.")
    ] = 30.0,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged; each call's line is info.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="What log lines are; they go to stderr.")] = LogFormat.TEXT,
    api_key: Annotated[
        list[str] | None,
        typer.Option(help="A key that calls must show; may be repeated. Without it, those of WEFT_API_KEY, by commas."),
    ] = None,
    salt_by_key: Annotated[
        bool, typer.Option("--salt-by-key", help="Requests of different keys share no cached prefix.")
    ] = False,
    cors_origin: Annotated[
        list[str] | None, typer.Option(help="An origin whose web pages may call, or *; may be repeated.")
    ] = None,
    api_workers: Annotated[
        int, typer.Option(min=1, help="API processes on the one engine; more than 1 run beside the main process.")
    ] = 1,
    engine_restarts: Annotated[
        int,
        typer.Option(min=0, help="How often within ten minutes an engine, or an API worker, that died is restarted."),
    ] = 3,
    max_connections: Annotated[
        int, typer.Option(min=1, help="Most connections of an API process; one more is answered by 503.")
    ] = 8192,
    timeout_keep_alive: Annotated[
        int, typer.Option(min=0, help="Seconds that a connection may be idle between two requests.")
    ] = 5,
    max_header_bytes: Annotated[int, typer.Option(min=1024, help="Largest request line and headers together.")] = 64
    * 1024,
    max_body_bytes: Annotated[int, typer.Option(min=1, help="Largest body of a request.")] = LIMITS.body_bytes,
    max_json_depth: Annotated[int, typer.Option(min=1, help="Deepest nesting of a body.")] = LIMITS.json_depth,
    max_n: Annotated[int, typer.Option(min=1, help="Most choices for each prompt.")] = LIMITS.n,
    max_prompts: Annotated[int, typer.Option(min=1, help="Most prompts of a completion request.")] = LIMITS.prompts,
    max_inputs: Annotated[int, typer.Option(min=1, help="Most texts of an embedding request.")] = LIMITS.inputs,
    max_detokenize: Annotated[
        int, typer.Option(min=1, help="Most token ids that a request turns into text.")
    ] = LIMITS.tokens,
    max_generations: Annotated[
        int, typer.Option(min=1, help="Most choices of a request, over all its prompts.")
    ] = LIMITS.generations,
    max_messages: Annotated[int, typer.Option(min=1, help="Most messages of a chat.")] = LIMITS.messages,
    max_tools: Annotated[int, typer.Option(min=1, help="Most tools of a chat.")] = LIMITS.tools,
    max_stop: Annotated[int, typer.Option(min=1, max=LIMITS.stop, help="Most stop strings.")] = LIMITS.stop,
    max_logit_bias: Annotated[int, typer.Option(min=1, help="Most entries of logit_bias.")] = LIMITS.logit_bias,
    max_constraint_bytes: Annotated[
        int, typer.Option(min=1, help="Largest constraint: a schema, a grammar, a chat's tools together.")
    ] = LIMITS.constraint_bytes,
    max_schema_depth: Annotated[int, typer.Option(min=1, help="Deepest nesting of a schema.")] = LIMITS.schema_depth,
    body_timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds that a body may take to arrive.")
    ] = LIMITS.body_timeout,
    request_timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds that a request may take as a whole; then 504.")
    ] = LIMITS.request_timeout,
    backlog: Annotated[int, typer.Option(min=1, help="Most connections waiting to be taken.")] = 2048,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happens as lines of JSON, for programs.")] = False,
) -> None:
    """Serve a model over the OpenAI API."""
    from ..server.options import AccessOptions, EngineOptions, HttpOptions, ServeOptions
    from ..server.serve import serve as run

    engine = EngineOptions(
        model=model,
        device=device,
        dtype=dtype,
        quantization=quantization,
        page_size=page_size,
        num_pages=num_pages,
        max_running=max_running,
        max_queue=max_queue,
        prefill_chunk=prefill_chunk,
        max_context=max_context,
        batch_invariant=batch_invariant,
        radix_cache=radix_cache,
        host_cache_bytes=None if host_cache_mb is None else host_cache_mb << 20,
        cache_dir=cache_dir,
        disk_cache_bytes=disk_cache_mb << 20,
        speculation=speculation,
        eviction=eviction,
        seed=seed,
    )
    options = ServeOptions(
        engine=engine,
        host=host,
        port=port,
        served_name=served_model_name,
        shutdown_timeout=shutdown_timeout,
        log_level=log_level,
        log_format=log_format,
        tool_parser=tool_parser,
        reasoning_parser=reasoning_parser,
        http=HttpOptions(
            keep_alive_timeout=timeout_keep_alive,
            max_header_bytes=max_header_bytes,
            max_connections=max_connections,
            backlog=backlog,
        ),
        access=AccessOptions(
            api_keys=tuple(api_key or _keys_of_environment()),
            cors_origins=tuple(cors_origin or ()),
            salt_by_key=salt_by_key,
        ),
        limits=Limits(
            body_bytes=max_body_bytes,
            json_depth=max_json_depth,
            n=max_n,
            prompts=max_prompts,
            inputs=max_inputs,
            tokens=max_detokenize,
            generations=max_generations,
            messages=max_messages,
            tools=max_tools,
            stop=max_stop,
            logit_bias=max_logit_bias,
            constraint_bytes=max_constraint_bytes,
            schema_depth=max_schema_depth,
            body_timeout=body_timeout,
            request_timeout=request_timeout,
        ),
        api_workers=api_workers,
        engine_restarts=engine_restarts,
    )
    asyncio.run(run(options, _print_json if as_json else _print))


def _keys_of_environment() -> list[str]:
    return [key.strip() for key in os.environ.get("WEFT_API_KEY", "").split(",") if key.strip()]


def _print(notice: Notice) -> None:
    from ..server.notices import Draining, EngineLost, Loading, Serving, Stage, WorkerLost, WorkerServing

    match notice:
        case Loading(model=model, url=url):
            _say(f"weft {version('weft')}: loading {model} (listening on {url}; /health is 503 until it is ready)")
        case Stage(stage=stage):
            _say(f"  {stage}")
        case Serving(info=info, model=model, url=url):
            for line in info.choices:
                _say(f"  {line}")
            _say(f"  context: {info.context_length} tokens")
            _say(f"ready: {model} on {url}/v1")
        case EngineLost(reason=reason, restarting=restarting):
            _say(f"{reason}; " + ("starting it again, /health is 503 until then" if restarting else "stopping"))
        case WorkerServing(pid=pid):
            _say(f"  API worker {pid} takes connections")
        case WorkerLost(pid=pid, reason=reason, restarting=restarting):
            _say(f"API worker {pid} ended: {reason}; " + ("starting another" if restarting else "stopping"))
        case Draining(requests=requests, timeout=timeout):
            waited = f"{requests} request" + ("" if requests == 1 else "s")
            _say(f"stopping: waiting up to {timeout:g} s for {waited}; once more to stop at once")


def _print_json(notice: Notice) -> None:
    _say(json.dumps({"event": type(notice).__name__.lower()} | asdict(notice), default=_struct))


def _struct(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def _say(line: str) -> None:
    print(line, flush=True)

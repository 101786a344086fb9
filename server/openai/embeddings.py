"""POST /v1/embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import ClassVar, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from ...errors import InvalidRequest, UnknownOption
from ...request import EmbedRequest, Pooling
from ..answers import json_response, until_gone
from ..calls import current_call
from ..fields import Refusals, RequestBody
from ..prompts import Prompts, check_prompts, each_prompt, prompt_place
from ..served import Served, new_id
from ..together import for_each
from ..usage import Meter


class EmbeddingRequest(RequestBody):
    """OpenAI's request; the fields refused are what vLLM and SGLang add to it and this server does not serve.

    `dimensions` may only be what the model has, since its embeddings are not made to be cut short. Extensions:
    `add_special_tokens` (vLLM's), `pooling`, which is `last` (the last token's hidden state, the default) or `mean` (of
    all tokens'), `cache_salt` and `priority`.
    """

    refused: ClassVar[Refusals] = {
        "additional_data": (None,),
        "chat_template": (None,),
        "chat_template_kwargs": (None, {}),
        "embed_dtype": (None, "float32"),
        "endianness": (None, "little"),
        "lora_path": (None,),
        "messages": (None,),
        "mm_processor_kwargs": (None,),
        "normalize": (None, True),
        "request_id": (None,),
        "rid": (None,),
        "truncate_prompt_tokens": (None,),
        "truncation_side": (None,),
        "use_activation": (None, True),
    }

    model: str
    input: Prompts
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1)
    pooling: Literal["last", "mean"] | None = None
    cache_salt: str | None = None
    priority: int | None = None
    user: str | None = None
    add_special_tokens: bool | None = None


class Embedding(BaseModel):
    """One input's embedding, of unit length: numbers, or in base64 their bytes as little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """The tokens of all inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The answer, in the inputs' order."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


def embeddings_router(served: Served) -> APIRouter:
    """The route, for one model."""
    router = APIRouter()

    @router.post("/v1/embeddings", response_model=EmbeddingList)
    async def create_embeddings(request: Request, body: EmbeddingRequest) -> Response:
        """Embed a text, or each of several.

        An input is taken as a prompt of completions is: before a text stands what the tokenizer puts before every text,
        unless `add_special_tokens` is false, and nothing is cut off. The vector is the model's last hidden state,
        pooled and scaled to unit length.
        """
        served.check_model(body.model)
        served.engine.check()
        inputs = each_prompt(body.input)
        _check_dimensions(served, body.dimensions)
        check_prompts(served, inputs, "input", served.limits.inputs)
        ids = await served.encode(inputs, begin=body.add_special_tokens is not False)
        return json_response(await until_gone(request, _answer(served, body, ids)))

    return router


async def _answer(served: Served, body: EmbeddingRequest, inputs: Sequence[tuple[int, ...]]) -> EmbeddingList:
    call_id = current_call().answer_id = new_id("embd")
    meter = Meter(1, served.tokenizer.eos_ids)

    async def embed(at: int, ids: tuple[int, ...]) -> Embedding:
        request = EmbedRequest(
            id=f"{call_id}-{at}",
            prompt=ids,
            cache_salt=served.salt(body.cache_salt),
            priority=body.priority or 0,
            pooling=Pooling(body.pooling or "last"),
        )
        try:
            result = await served.engine.embed(request)
        except InvalidRequest as error:
            if error.param == "prompt":
                error.param = prompt_place("input", at, len(inputs))
            raise
        meter.count_prompt(at, result.prompt_tokens, result.cached_tokens)
        vector = _base64(result.embedding) if body.encoding_format == "base64" else list(result.embedding)
        return Embedding(object="embedding", index=at, embedding=vector)

    data = await for_each(inputs, embed)
    tokens = meter.usage().prompt_tokens
    usage = EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens)
    return EmbeddingList(object="list", data=data, model=served.name, usage=usage)


def _check_dimensions(served: Served, wanted: int | None) -> None:
    """Raise `UnknownOption` for a size that the model's embeddings do not have."""
    info = served.engine.info
    if wanted is None or info is None or wanted == info.embedding_size:
        return
    raise UnknownOption(
        f"dimensions: this model's embeddings have {info.embedding_size}, and no others", param="dimensions"
    )


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

"""The base of request models, and the request fields that completions and chat share.

No field is silently ignored: an unknown one is refused by name, and so is one that OpenAI's API has and this server
does not, unless it holds a value that asks for nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator

from ..errors import InvalidRequest, UnknownOption
from ..request import Sampling

ValueT = TypeVar("ValueT")

Refusals = dict[str, tuple[object, ...]]
"""Fields that are known and not served, with the values of theirs that ask for nothing."""


def _stop_at_first_fault(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "list":
            schema["fail_fast"] = True
        for part in schema.values():
            _stop_at_first_fault(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _stop_at_first_fault(part)


class ApiModel(BaseModel):
    """A request or a part of one."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    refused: ClassVar[Refusals] = {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Every list is read up to its first fault: a million wrong items are refused like one."""
        schema = handler(source)
        _stop_at_first_fault(schema)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for name in cls.refused.keys() & data.keys():
            if not any(data[name] == value and type(data[name]) is type(value) for value in cls.refused[name]):
                raise UnknownOption(f"{name}: this server does not support this field", param=name)
        return {name: value for name, value in data.items() if name not in cls.refused}


EXTENSIONS_REFUSED: Refusals = {
    # vLLM's
    "add_special_tokens": (None, False),
    "allowed_token_ids": (None, []),
    "detokenize": (None, True),
    "early_stopping": (None, False),
    "guided_decoding_backend": (None, "auto"),
    "guided_whitespace_pattern": (None,),
    "include_stop_str_in_output": (None, False),
    "kv_transfer_params": (None,),
    "length_penalty": (None, 1, 1.0),
    "logits_processors": (None, []),
    "prompt_embeds": (None,),
    "prompt_logprobs": (None,),
    "return_token_ids": (None, False),
    "return_tokens_as_token_ids": (None, False),
    "skip_special_tokens": (None, True),
    "spaces_between_special_tokens": (None, True),
    "truncate_prompt_tokens": (None,),
    "use_beam_search": (None, False),
    "vllm_xargs": (None, {}),
    # SGLang's
    "bootstrap_host": (None,),
    "bootstrap_port": (None,),
    "bootstrap_room": (None,),
    "custom_logit_processor": (None,),
    "custom_params": (None, {}),
    "data_parallel_rank": (None,),
    "extra_key": (None,),
    "lora_path": (None,),
    "no_stop_trim": (None, False),
    "return_hidden_states": (None, False),
    "rid": (None,),
    "session_params": (None,),
    "stop_regex": (None, []),
}
"""What vLLM's and SGLang's forms of OpenAI's requests add, and this server does not serve."""


class StreamOptions(ApiModel):
    """`include_usage` adds a last chunk with the usage."""

    refused: ClassVar[Refusals] = {"include_obfuscation": (None, False), "continuous_usage_stats": (None, False)}

    include_usage: bool | None = None


class RequestBody(ApiModel):
    """A whole request."""

    @model_validator(mode="before")
    @classmethod
    def _check_json(cls, data: Any) -> Any:
        """Refuse here what JSON can escape but nothing below can hold."""
        try:
            msgspec.json.encode(data)
        except UnicodeEncodeError as error:
            raise InvalidRequest("the body holds a lone surrogate, which is no text", code="invalid_json") from error
        except RecursionError as error:
            raise InvalidRequest("the body is nested too deeply", code="invalid_json") from error
        return data


class SamplingFields(RequestBody):
    """How tokens are drawn, in OpenAI's names and the common extensions to them; null is the default everywhere.

    The default of temperature, top_k, top_p, min_p and repetition_penalty is the model's, from generation_config.json.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    min_tokens: int | None = None
    ignore_eos: bool | None = None
    bad_words: list[str] | None = None
    logit_bias: dict[str, float] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    cache_salt: str | None = None
    priority: int | None = None
    # Who asks: told to nobody, and of no effect on any result.
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    def sampling(
        self,
        *,
        max_tokens: int | None,
        logprobs: bool,
        top_logprobs: int,
        vocab_size: int,
        defaults: Sampling,
    ) -> Sampling:
        """The sampling of a prompt's first choice. `defaults` are the model's own, for what is not given.

        Raises `InvalidRequest` naming the field at fault.
        """
        sampling = Sampling(
            max_tokens=max_tokens,
            temperature=_or(self.temperature, defaults.temperature),
            top_k=0 if self.top_k == -1 else _or(self.top_k, defaults.top_k),  # -1 is vLLM's and SGLang's "all"
            top_p=_or(self.top_p, defaults.top_p),
            min_p=_or(self.min_p, defaults.min_p),
            seed=self.seed,
            stop=tuple([self.stop] if isinstance(self.stop, str) else self.stop or ()),
            stop_token_ids=tuple(self.stop_token_ids or ()),
            min_tokens=_or(self.min_tokens, 0),
            ignore_eos=bool(self.ignore_eos),
            bad_words=tuple(self.bad_words or ()),
            logit_bias=_logit_bias(self.logit_bias or {}, vocab_size),
            presence_penalty=_or(self.presence_penalty, 0.0),
            frequency_penalty=_or(self.frequency_penalty, 0.0),
            repetition_penalty=_or(self.repetition_penalty, defaults.repetition_penalty),
            logprobs=logprobs,
            top_logprobs=top_logprobs,
        )
        sampling.validate()
        return sampling

    def include_usage(self) -> bool:
        """Whether a stream ends with its usage. Raises `InvalidRequest` for stream options without a stream."""
        if self.stream_options is not None and not self.stream:
            raise InvalidRequest("stream_options: only a stream takes them", param="stream_options")
        return self.stream_options is not None and bool(self.stream_options.include_usage)


def _or(value: ValueT | None, default: ValueT) -> ValueT:
    return default if value is None else value


def seed_of_choice(seed: int | None, choice: int) -> int | None:
    """The seed of a prompt's `choice`-th choice, within 64 signed bits where `seed` is."""
    if seed is None or choice == 0:
        return seed
    return seed + choice if seed + choice < 2**63 else seed + choice - 2**64


def _logit_bias(biases: dict[str, float], vocab_size: int) -> tuple[tuple[int, float], ...]:
    pairs = []
    for key, bias in biases.items():
        # ASCII digits only: int() would also take "1_0", " 1" and other scripts' digits.
        if not (key.isascii() and key.isdigit()) or len(key) > 9 or int(key) >= vocab_size:
            raise InvalidRequest(f"logit_bias: keys are token ids from 0 to {vocab_size - 1}", param="logit_bias")
        pairs.append((int(key), bias))
    return tuple(sorted(pairs))

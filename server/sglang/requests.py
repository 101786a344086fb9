"""The body of /generate: SGLang's `GenerateReqInput` and `SamplingParams`, as far as they are served."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias, TypeVar

from ...errors import InvalidRequest
from ..constraint_fields import Asked, ConstraintFields
from ..fields import ApiModel, Refusals, RequestBody, SamplingFields
from ..prompts import Prompts

DEFAULT_MAX_NEW_TOKENS = 128
NO_PROMPT_LOGPROBS = -1
"""SGLang's `logprob_start_len` for log-probabilities of the output alone."""

ValueT = TypeVar("ValueT")
Each: TypeAlias = ValueT | list[ValueT] | None
"""One value for every prompt, or a list with one for each."""


class SamplingParams(ApiModel):
    """How one prompt is continued; null is the default everywhere. SGLang's defaults are not the model's own."""

    refused: ClassVar[Refusals] = {
        "beam_width": (None, 1),
        "custom_params": (None, {}),
        "skip_special_tokens": (None, True),
        "spaces_between_special_tokens": (None, True),
        "stop_regex": (None, [], ""),
        "stream_interval": (None, 1),
    }

    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool | None = None
    no_stop_trim: bool | None = None
    logit_bias: dict[str, float] | None = None
    sampling_seed: int | None = None
    n: int | None = None
    regex: str | None = None
    ebnf: str | None = None
    json_schema: str | dict[str, Any] | None = None
    structural_tag: str | dict[str, Any] | None = None

    def fields(self, cache_salt: str | None, priority: int | None) -> SamplingFields:
        """The same in the names that all routes share, with SGLang's defaults filled in."""
        return SamplingFields(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            top_k=-1 if self.top_k is None else self.top_k,
            min_p=0.0 if self.min_p is None else self.min_p,
            repetition_penalty=1.0 if self.repetition_penalty is None else self.repetition_penalty,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            seed=self.sampling_seed,
            stop=self.stop,
            stop_token_ids=self.stop_token_ids,
            min_tokens=self.min_new_tokens,
            ignore_eos=self.ignore_eos,
            logit_bias=self.logit_bias,
            cache_salt=cache_salt,
            priority=priority,
        )

    def constraint(self) -> Asked | None:
        """The constraint asked for, if any. Raises `InvalidRequest` for two of them, or one that is no constraint."""
        return ConstraintFields(
            regex=self.regex, ebnf=self.ebnf, json_schema=self.json_schema, structural_tag=self.structural_tag
        ).constraint()


class GenerateBody(RequestBody):
    """SGLang's request. Exactly one of `text` and `input_ids` is given."""

    refused: ClassVar[Refusals] = {
        # Other inputs than text.
        "audio_data": (None, []),
        "image_data": (None, []),
        "video_data": (None, []),
        "images_config": (None,),
        "image_max_dynamic_patch": (None,),
        "input_embeds": (None, []),
        "max_dynamic_patch": (None,),
        "min_dynamic_patch": (None,),
        "mm_content_hashes": (None, []),
        "mm_hashes": (None, []),
        "modalities": (None, []),
        "positional_embed_overrides": (None,),
        "use_audio_in_video": (None, False),
        "video_config": (None,),
        "video_max_dynamic_patch": (None,),
        # Other answers.
        "return_bytes": (None, False),
        "return_entropy": (None, False),
        "return_flat_raw_top_logprobs": (None, False),
        "return_flat_raw_top_logprobs_b64": (None, False),
        "return_hidden_states": (None, False),
        "return_indexer_topk": (None, False),
        "return_prompt_token_ids": (None, False),
        "return_routed_experts": (None, False),
        "return_sampling_mask": (None, False),
        "routed_experts_start_len": (None, 0),
        "token_ids_logprob": (None, []),
        # Other models, and code from clients.
        "custom_logit_processor": (None,),
        "lora_id": (None,),
        "lora_path": (None,),
        "max_thinking_tokens": (None,),
        "multi_item_delimiter_indices": (None,),
        "require_reasoning": (None, False),
        # Several servers, and what they tell each other.
        "bootstrap_host": (None,),
        "bootstrap_pair_key": (None,),
        "bootstrap_port": (None,),
        "bootstrap_room": (None,),
        "data_parallel_rank": (None,),
        "decode_tp_size": (None,),
        "disagg_prefill_dp_rank": (None,),
        "encoder_urls": (None,),
        "http_worker_ipc": (None,),
        "kv_router_hint": (None,),
        "need_wait_for_mm_inputs": (None, False),
        "num_items_assigned": (None,),
        "routed_dp_rank": (None,),
        # Sessions, logs and metrics.
        "background": (None, False),
        "conversation_id": (None,),
        "custom_labels": (None, {}),
        "external_trace_header": (None,),
        "log_metrics": (None, True),
        "no_logs": (None, False),
        "received_time": (None,),
        "routing_key": (None,),
        "session_id": (None,),
        "session_params": (None,),
    }

    text: str | list[str] | None = None
    input_ids: list[int] | list[list[int]] | None = None
    sampling_params: Each[SamplingParams] = None
    return_logprob: Each[bool] = None
    logprob_start_len: Each[int] = None
    top_logprobs_num: Each[int] = None
    return_text_in_logprobs: bool | None = None
    stream: bool | None = None
    rid: Each[str] = None
    priority: int | None = None
    cache_salt: Each[str] = None
    extra_key: Each[str] = None

    def prompts(self) -> tuple[str, Prompts]:
        """The field that holds the prompts, and what it holds. Raises `InvalidRequest` for none or both."""
        if self.text is not None and self.input_ids is not None:
            raise InvalidRequest("text and input_ids: only one of them can be given", param="input_ids")
        if self.text is not None:
            return "text", self.text
        if self.input_ids is not None:
            return "input_ids", self.input_ids
        raise InvalidRequest("text: it or input_ids is required", param="text", code="missing_field")


def for_each_prompt(given: Each[ValueT], count: int, param: str, default: ValueT) -> list[ValueT]:
    """A field's value for each of `count` prompts. Raises `InvalidRequest` where a list has another length."""
    if not isinstance(given, list):
        return [default if given is None else given] * count
    if len(given) != count:
        raise InvalidRequest(f"{param}: {len(given)} values for {count} prompts", param=param)
    return given

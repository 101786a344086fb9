"""OpenVINO GenAI's continuous batching behind an HTTP face: MODEL PORT SEQUENCES [PRECISION]."""

from __future__ import annotations

import json
import queue
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino_genai

from .http_face import Put, readable, serve

CACHE_GB = 4


class ContinuousBatching:
    """The pipeline, driven by a thread: it takes what arrived, makes a step, hands out the tokens."""

    def __init__(self, folder: str, sequences: int, precision: str) -> None:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GB
        scheduler.max_num_seqs = sequences
        scheduler.enable_prefix_caching = True
        scheduler.dynamic_split_fuse = True
        properties = {"INFERENCE_PRECISION_HINT": precision}
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(folder, scheduler, "CPU", properties)
        source = json.loads(Path(folder, "tokenizer.json").read_text(encoding="utf-8"))
        self._texts: dict[int, str] = {token: readable(text) for text, token in source["model"]["vocab"].items()}
        self._inbox: queue.SimpleQueue[tuple[dict[str, Any], Put]] = queue.SimpleQueue()
        self._running: list[tuple[Any, Put]] = []
        self._count = 0
        threading.Thread(target=self._run, daemon=True).start()

    def submit(self, body: dict[str, Any], put: Put) -> None:
        """See `Library`."""
        self._inbox.put((body, put))

    def _run(self) -> None:
        while True:
            if not self._running:
                self._add(*self._inbox.get())
            while not self._inbox.empty():
                self._add(*self._inbox.get())
            self._pipeline.step()
            self._running = [(handle, put) for handle, put in self._running if self._pass_on(handle, put)]

    def _add(self, body: dict[str, Any], put: Put) -> None:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = body["max_tokens"]
        config.do_sample = False
        config.ignore_eos = bool(body.get("ignore_eos"))
        if config.ignore_eos:
            config.min_new_tokens = config.max_new_tokens
        asked = body.get("response_format")
        if asked is not None:
            schema = json.dumps(asked["json_schema"]["schema"])
            config.structured_output_config = openvino_genai.StructuredOutputConfig(json_schema=schema)
        prompt = openvino.Tensor(np.array([body["prompt"]], dtype=np.int64))
        self._count += 1
        self._running.append((self._pipeline.add_request(self._count, prompt, config), put))

    def _pass_on(self, handle: Any, put: Put) -> bool:
        """Hand out what is new; whether more will come."""
        running = bool(handle.get_status() == openvino_genai.GenerationStatus.RUNNING)
        while handle.can_read():
            for output in handle.read().values():
                put([self._texts[token] for token in output.generated_ids])
        if not running:
            put(None)
        return running


if __name__ == "__main__":
    folder, port, sequences, precision = sys.argv[1:]
    serve(ContinuousBatching(folder, int(sequences), precision), int(port))

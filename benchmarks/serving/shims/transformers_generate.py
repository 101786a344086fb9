"""transformers' `generate` behind an HTTP face: MODEL PORT SEQUENCES DTYPE. What waits is generated as one batch."""

from __future__ import annotations

import queue
import sys
import threading
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteriaList

from .http_face import Put, readable, serve


class _PassOn:
    """A stopping criterion that stops nothing: `generate` shows it every step's tokens, which go out at once."""

    def __init__(self, texts: list[str], puts: list[Put], lengths: list[int]) -> None:
        self._texts = texts
        self._puts = puts
        self._left = lengths

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        for row, (token, put) in enumerate(zip(input_ids[:, -1].tolist(), self._puts, strict=True)):
            if self._left[row]:
                put([self._texts[token]])
                self._left[row] -= 1
        return torch.zeros(len(input_ids), dtype=torch.bool)


class Generate:
    """The model, driven by a thread: a batch of all that waits, to its end, then the next."""

    def __init__(self, folder: str, sequences: int, dtype: str) -> None:
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._texts: list[str] = [
            readable(text) for text in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        ]
        self._sequences = sequences
        self._inbox: queue.SimpleQueue[tuple[dict[str, Any], Put]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def submit(self, body: dict[str, Any], put: Put) -> None:
        """See `Library`."""
        self._inbox.put((body, put))

    def _run(self) -> None:
        while True:
            batch = [self._inbox.get()]
            while len(batch) < self._sequences and not self._inbox.empty():
                batch.append(self._inbox.get())
            self._generate([body for body, _ in batch], [put for _, put in batch])
            for _, put in batch:
                put(None)

    def _generate(self, bodies: list[dict[str, Any]], puts: list[Put]) -> None:
        """Shorter prompts are filled up on the left, and the filling is masked."""
        longest = max(len(body["prompt"]) for body in bodies)
        filling = [longest - len(body["prompt"]) for body in bodies]
        ids = torch.tensor([[0] * left + body["prompt"] for left, body in zip(filling, bodies, strict=True)])
        mask = torch.tensor([[0] * left + [1] * (longest - left) for left in filling])
        lengths = [body["max_tokens"] for body in bodies]
        with torch.inference_mode():
            self._model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=max(lengths),
                min_new_tokens=max(lengths),
                do_sample=False,
                pad_token_id=0,
                stopping_criteria=StoppingCriteriaList([_PassOn(self._texts, puts, lengths)]),
            )


if __name__ == "__main__":
    folder, port, sequences, dtype = sys.argv[1:]
    serve(Generate(folder, int(sequences), dtype), int(port))

"""Law 3: with one seed a request's output is the same alone, in a full batch and on a warm cache."""

from __future__ import annotations

from pathlib import Path

from weft.request import GenerateRequest, Sampling
from weft.runtime import Engine

SAMPLINGS = [
    Sampling(max_tokens=20, temperature=1.0, seed=11, ignore_eos=True),
    Sampling(max_tokens=20, temperature=0.7, top_k=20, seed=12, ignore_eos=True),
    Sampling(max_tokens=20, temperature=1.3, top_p=0.8, seed=13, ignore_eos=True),
    Sampling(max_tokens=20, temperature=1.0, min_p=0.05, seed=14, ignore_eos=True),
    Sampling(max_tokens=20, temperature=1.0, frequency_penalty=0.8, repetition_penalty=1.2, seed=15, ignore_eos=True),
]


def request(at: int, name: str) -> GenerateRequest:
    return GenerateRequest(id=name, prompt=f"Say the {at}th thing, and name it: ", sampling=SAMPLINGS[at])


def test_alone_in_a_batch_and_warm(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu", batch_invariant=True, radix_cache=False, max_running=1) as engine:
        alone = [engine.generate(request(at, str(at))).result(60).token_ids for at in range(len(SAMPLINGS))]
    with Engine(tiny_folder, device="cpu", batch_invariant=True, prefill_chunk=32) as engine:
        crowd = [
            engine.generate(GenerateRequest(id=f"c{n}", prompt="Something else " * n, sampling=Sampling(max_tokens=30)))
            for n in range(1, 9)
        ]
        for name in ("cold", "warm"):
            tickets = [engine.generate(request(at, f"{name}{at}")) for at in range(len(SAMPLINGS))]
            assert [ticket.result(60).token_ids for ticket in tickets] == alone
        for ticket in crowd:
            ticket.result(60)


def test_other_seeds_give_other_texts(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        tickets = [
            engine.generate(
                GenerateRequest(
                    id=str(seed), prompt="Say: ", sampling=Sampling(max_tokens=20, temperature=1.0, seed=seed)
                )
            )
            for seed in range(8)
        ]
        assert len({ticket.result(60).token_ids for ticket in tickets}) == 8


def test_requests_without_a_seed_differ_from_each_other(tiny_folder: Path) -> None:
    with Engine(tiny_folder, device="cpu") as engine:
        tickets = [
            engine.generate(
                GenerateRequest(id=str(n), prompt="Say: ", sampling=Sampling(max_tokens=20, temperature=1.0))
            )
            for n in range(4)
        ]
        assert len({ticket.result(60).token_ids for ticket in tickets}) == 4

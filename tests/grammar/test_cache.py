"""Equal constraints compile once, however they come; the cache stays bounded."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from weft.errors import GrammarError
from weft.grammar import GrammarCache, choices, json_schema, regex


def test_equal_constraints_share_one_grammar(vocabulary):
    cache = GrammarCache(vocabulary)
    first = cache.get(json_schema({"type": "integer"}))
    assert cache.get(json_schema('{"type": "integer"}')) is first
    assert cache.get(json_schema({"type": "integer"}, whitespace="compact")) is not first
    assert cache.compiled == 2


def test_many_threads_compile_once(vocabulary):
    cache = GrammarCache(vocabulary)
    barrier = threading.Barrier(8)
    grammars = []

    def ask():
        barrier.wait()
        grammars.append(cache.get(regex("(a|b)*c{1,50}")))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(grammars) == 8
    assert len(set(map(id, grammars))) == 1
    assert cache.compiled == 1


def test_each_compilation_is_timed_also_one_that_is_refused(vocabulary):
    seconds = []
    cache = GrammarCache(vocabulary, on_compiled=seconds.append)
    for _ in range(2):
        cache.get(regex("a{2,3}"))
        with pytest.raises(GrammarError):
            cache.get(regex("("))
    assert len(seconds) == cache.compiled == 2
    assert min(seconds) > 0


def test_the_least_recently_used_leaves(vocabulary):
    cache = GrammarCache(vocabulary, capacity=2)
    a = cache.get(choices(["a"]))
    b = cache.get(choices(["b"]))
    assert cache.get(choices(["a"])) is a
    cache.get(choices(["c"]))
    assert len(cache) == 2
    assert cache.get(choices(["a"])) is a
    assert cache.get(choices(["b"])) is not b
    assert b.matcher().advance(ord("b"))  # whoever still holds it may use it


def test_refusals_are_remembered_apart_from_grammars(vocabulary):
    cache = GrammarCache(vocabulary, capacity=2)
    held = cache.get(choices(["a"]))
    seen = []
    for _ in range(3):
        with pytest.raises(GrammarError, match="backreference") as caught:
            cache.get(regex(r"(a)\1"))
        seen.append(caught.value)
    assert cache.compiled == 2
    assert len({(error.message, error.pointer, error.keyword) for error in seen}) == 1
    assert len(set(map(id, seen))) == 3  # none carries the traces of the others
    for number in range(4):
        with pytest.raises(GrammarError):
            cache.get(regex(r"(a)\1" + "b" * number))
    assert len(cache) == 1
    assert cache.get(choices(["a"])) is held


def test_what_fails_for_another_reason_is_tried_again(vocabulary, monkeypatch):
    cache = GrammarCache(vocabulary)
    with monkeypatch.context() as patch:
        patch.setattr("weft.grammar.cache.compile", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cache.get(regex("a"))
    assert len(cache) == 0
    assert cache.get(regex("a")).matcher().advance(ord("a"))


def test_what_is_kept_is_bounded_by_size(vocabulary):
    cache = GrammarCache(vocabulary, max_bytes=100_000)
    small = cache.get(choices(["a"]))
    large = cache.get(choices(["b" * 2000]))
    assert cache.get(choices(["a"])) is small
    cache.get(choices(["c" * 2000]))
    assert cache.get(choices(["a"])) is small
    assert cache.get(choices(["b" * 2000])) is not large
    only = GrammarCache(vocabulary, max_bytes=1)
    assert only.get(choices(["a"])) is only.get(choices(["a"]))


def test_a_capacity_of_none_is_refused(vocabulary):
    with pytest.raises(ValueError, match="capacity"):
        GrammarCache(vocabulary, capacity=0)


def test_threads_may_share_a_grammar(vocabulary):
    grammar = GrammarCache(vocabulary).get(json_schema({"type": "array", "items": {"type": "string"}}))
    texts = ["[]", '["a"]', '["ab", "é"]', '["\\n", "x", ""]'] * 8
    wrong = []

    def run(text):
        matcher = grammar.matcher()
        for byte in text.encode():
            mask = grammar.mask(matcher.mask_row())
            if not mask[byte // 32] >> (byte % 32) & 1 or not matcher.advance(byte):
                wrong.append(text)
        matcher.forced()
        if not matcher.is_finished():
            wrong.append(text)

    threads = [threading.Thread(target=run, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_compiling_twice_gives_the_same_masks(vocabulary):
    constraint = json_schema({"type": "object", "properties": {"é": {"enum": [1, "a"]}}, "required": ["é"]})
    one, two = (GrammarCache(vocabulary).get(constraint).matcher() for _ in range(2))
    for byte in '{"é": "a"}'.encode():
        masks = [matcher.grammar.mask(matcher.mask_row()) for matcher in (one, two)]
        assert masks[0].tolist() == masks[1].tolist()
        assert one.forced() == two.forced()
        assert one.advance(byte)
        assert two.advance(byte)


def test_a_refusal_that_is_remembered_keeps_nothing_of_who_asked(vocabulary):
    class Caller:
        pass

    def ask(caller: Caller) -> None:
        with pytest.raises(GrammarError):
            cache.get(regex("a("))

    cache = GrammarCache(vocabulary)
    caller = Caller()
    gone = weakref.ref(caller)
    ask(caller)
    del caller
    gc.collect()
    assert gone() is None

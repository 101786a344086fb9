"""What the first constraint would wait for is done when asked, and said when it takes long."""

from __future__ import annotations

import logging

import pytest
from numba.core import event

from weft.grammar import Vocabulary, warm_up
from weft.grammar.engine.matcher import store_of


def test_it_says_where_the_functions_came_from_and_prepares_the_vocabulary() -> None:
    vocabulary = Vocabulary([bytes([byte]) for byte in range(256)] + [None], [256])
    told = warm_up.warm_up(vocabulary)
    assert told.startswith("grammar engine: ")
    assert warm_up.warm_up(vocabulary) == told
    assert store_of(vocabulary) is store_of(vocabulary)


def test_compiling_is_told_once_before_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    compiling = warm_up._Compiling()
    with caplog.at_level(logging.INFO), event.install_listener("numba:compile", compiling):
        assert caplog.messages == []
        with event.trigger_event("numba:compile"):
            assert [record.levelname for record in caplog.records] == ["WARNING"]
        with event.trigger_event("numba:compile"):
            pass
    assert compiling.count == 2
    assert [message.partition(" (")[0] for message in caplog.messages] == ["grammar engine: compiling"]

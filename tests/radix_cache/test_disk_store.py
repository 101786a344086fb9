"""Page files: what is good is read back exactly, and nothing else is ever taken for a page."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from weft.radix_cache import DiskStore, PageKeys
from weft.radix_cache.page_file import BadPage, decode, encode

MODEL, KEY, OTHER = b"model" * 4, bytes(range(32)), bytes(32)
PAGE = bytes(range(200)) + bytes(56)


def store(folder: Path, *, model: bytes = MODEL, budget: int = 1 << 20) -> DiskStore:
    return DiskStore(folder, model, len(PAGE), budget)


def the_file(folder: Path) -> Path:
    (file,) = folder.rglob("*.safetensors")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one page."""
    assert store(tmp_path).write(KEY, PAGE, 0)
    return tmp_path


def test_a_page_is_read_back_by_the_next_process(folder: Path) -> None:
    again = store(folder)
    assert KEY in again
    assert (again.read(KEY), again.read(OTHER)) == (PAGE, None)
    assert again.used_bytes == the_file(folder).stat().st_size == again.recount()


def test_a_file_is_a_safetensors_file_that_its_owner_alone_reads(folder: Path) -> None:
    file = the_file(folder)
    with safe_open(file, framework="numpy") as tensors:
        assert bytes(tensors.get_tensor("page")) == PAGE
        assert set(tensors.metadata()) == {"format", "fingerprint", "key", "checksum"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(at: int, bit: int) -> None:
    good = b"".join(encode(MODEL, KEY, PAGE))
    bad = bytearray(good)
    bad[at % len(bad)] ^= 1 << bit
    try:
        read = decode(bytes(bad), MODEL, KEY, len(PAGE))
    except BadPage:
        return
    assert read == PAGE, "a bit of the header that says nothing about the page"


@given(length=st.integers(0, 2000), more=st.binary(max_size=3))
def test_a_file_of_another_length_is_noticed(length: int, more: bytes) -> None:
    good = b"".join(encode(MODEL, KEY, PAGE))
    changed = good[:length] + more
    if changed == good:
        assert decode(changed, MODEL, KEY, len(PAGE)) == PAGE
        return
    with pytest.raises(BadPage):
        decode(changed, MODEL, KEY, len(PAGE))


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_in_order(content: bytes) -> None:
    with pytest.raises(BadPage):
        decode(content, MODEL, KEY, len(PAGE))


@pytest.mark.parametrize("spoil", ["truncated", "flipped", "empty", "other key", "other model", "other length"])
def test_a_bad_file_is_removed_with_a_notice(folder: Path, spoil: str, caplog: pytest.LogCaptureFixture) -> None:
    file = the_file(folder)
    good = file.read_bytes()
    file.write_bytes(
        {
            "truncated": good[:-1],
            "flipped": good[:-1] + bytes([good[-1] ^ 1]),
            "empty": b"",
            "other key": b"".join(encode(MODEL, OTHER, PAGE)),
            "other model": b"".join(encode(b"x" * 20, KEY, PAGE)),
            "other length": b"".join(encode(MODEL, KEY, PAGE + b"x")),
        }[spoil]
    )
    again = store(folder)
    assert again.read(KEY) is None
    assert str(file) in caplog.text
    assert KEY not in again
    assert not file.exists()
    assert again.used_bytes == 0
    assert again.write(KEY, PAGE, 0)
    assert again.read(KEY) == PAGE


def test_foreign_files_are_left_alone_with_a_notice(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = the_file(folder)
    foreign = [folder / "notes.txt", own.parent / "x.safetensors", folder / "model" / own.name]
    for file in foreign:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    again = store(folder, budget=1)  # everything that is ours must go
    assert "left alone" in caplog.text
    assert again.used_bytes == 0
    assert not own.exists()
    again.clear()
    assert [file.read_text() for file in foreign] == ["mine"] * 3


def test_the_budget_counts_every_models_pages_and_the_oldest_go(tmp_path: Path) -> None:
    first = store(tmp_path, model=b"a" * 20)
    assert first.write(KEY, PAGE, 0)
    size = first.used_bytes
    os.utime(the_file(tmp_path), (1, 1))
    second = store(tmp_path, model=b"b" * 20, budget=2 * size + 10)
    assert second.used_bytes == size
    for at in range(2):
        assert second.write(bytes([at]) * 32, PAGE, 0)
    assert (second.used_bytes, len(second)) == (2 * size, 2)
    assert first.read(KEY) is None, "gone, which is no fault"
    second.freshen([bytes([0]) * 32])
    assert second.write(bytes([2]) * 32, PAGE, 0)
    assert second.read(bytes([0]) * 32) == PAGE
    assert second.read(bytes([1]) * 32) is None


def test_a_page_larger_than_the_budget_is_not_kept(tmp_path: Path) -> None:
    small = store(tmp_path, budget=100)
    assert not small.write(KEY, PAGE, 0)
    assert (small.most_pages, len(small)) == (0, 0)


def test_what_was_handed_in_before_a_clear_is_not_written(folder: Path) -> None:
    again = store(folder)
    era = again.era
    again.clear()
    assert not again.write(KEY, PAGE, era)
    assert list(folder.rglob("*.*")) == []


def test_a_temporary_file_of_a_process_that_is_gone_is_removed(folder: Path) -> None:
    old, new = (the_file(folder).parent / f".{bytes([at] * 32).hex()}.77-1.tmp" for at in (1, 2))
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    store(folder)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_directory_that_cannot_be_used_is_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    with caplog.at_level(logging.WARNING, "weft.cache"):
        useless = store(file / "cache")
        assert not useless.write(KEY, PAGE, 0)
        assert not useless.write(OTHER, PAGE, 0)
    assert useless.read(KEY) is None
    assert len(caplog.records) == 1, "once for each kind of trouble"
    assert str(file) in caplog.text


def test_a_directory_that_others_may_write_to_is_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store(tmp_path / "own")
    assert caplog.text == ""
    tmp_path.chmod(0o777)
    store(tmp_path)
    assert "may be written to by others" in caplog.text


def test_a_full_disk_is_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = store(tmp_path)

    def no_space(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", no_space)
    for at in range(3):
        assert not full.write(bytes([at]) * 32, PAGE, 0)
    assert [record.message.count("No space left") for record in caplog.records] == [1]
    assert list(tmp_path.rglob("*.*")) == [], "no half file stays"
    monkeypatch.undo()
    assert full.write(KEY, PAGE, 0)


def test_keys_depend_on_all_that_a_page_depends_on() -> None:
    keys = PageKeys(MODEL, 2)

    def last(salt: str, ids: list[int], keys: PageKeys = keys) -> bytes:
        return list(keys.along(keys.root(salt), ids))[-1]

    known = {
        last("", [1, 2]),
        last("", [1, 2, 3, 4]),
        last("", [3, 4]),
        last("", [5, 6, 3, 4]),
        last("s", [3, 4]),
        last("", [3, 4], PageKeys(MODEL + b"s", 2)),
        last("", [3], PageKeys(MODEL, 1)),
    }
    assert len(known) == 7
    assert list(keys.along(b"", [1])) == []
    assert last("", [1, 2, 9]) == last("", [1, 2])

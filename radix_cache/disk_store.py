"""Pages in a directory that outlives the process, one file each, least recently used out first.

    <directory>/<hash of the fingerprint, 32 hex digits>/<key, 64 hex digits>.safetensors

What bears such a name is ours: it counts towards the budget and is removed when it is too old or not good. Everything
else in the directory is foreign and left alone. Files are written under a temporary name and renamed, so that a reader
sees all of a file or nothing; a process that finds a file gone, since another one removed it, has missed, no more.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import OrderedDict
from hashlib import blake2b
from itertools import count
from pathlib import Path

from .keys import KEY_BYTES
from .page_file import HEADER_LIMIT, BadPage, decode, encode

log = logging.getLogger("weft.cache")

SUFFIX = ".safetensors"
ABANDONED_SECONDS = 3600.0
"""A temporary file older than that belongs to a process that is gone."""
_MODEL = re.compile(r"[0-9a-f]{32}")
_PAGE = re.compile(r"[0-9a-f]{64}\.safetensors")
_TEMPORARY = re.compile(r"\.[0-9a-f]{64}\.\d+-\d+\.tmp")
_numbers = count()  # two stores of one process may write the same page at once


class DiskStore:
    """The pages of one model in a directory that other models may share. Thread-safe; every call may wait for the disk.

    Trouble with the disk is told in the log and never raised: a store that cannot be written to stores nothing.

    Args:
        directory: made where it is missing, readable by its owner alone.
        fingerprint: of the model; its pages are found under no other.
        page_bytes: the length of every payload.
        budget: bytes of files, over all models in the directory.

    Attributes:
        era: grows with every `clear`; what was handed in for writing before that is not written any more.
        most_pages: how many pages fit the budget.
    """

    def __init__(self, directory: Path, fingerprint: bytes, page_bytes: int, budget: int) -> None:
        self.directory = directory
        self.budget = budget
        self.era = 0
        self.page_bytes = page_bytes
        self.most_pages = budget // sum(map(len, encode(fingerprint, bytes(KEY_BYTES), bytes(page_bytes))))
        self._fingerprint = fingerprint
        self._folder = directory / blake2b(fingerprint, digest_size=16).hexdigest()
        self._sizes: OrderedDict[str, int] = OrderedDict()  # by path below the directory, oldest first
        self._bytes = 0
        self._lock = threading.Lock()
        self._told: set[int | None] = set()
        self._open()

    @property
    def used_bytes(self) -> int:
        """Bytes of all files that count towards the budget."""
        return self._bytes

    def __contains__(self, key: bytes) -> bool:
        return self._name(key) in self._sizes

    def __len__(self) -> int:
        """How many pages of this model are there."""
        with self._lock:
            return sum(name.startswith(self._folder.name) for name in self._sizes)

    def read(self, key: bytes) -> bytes | None:
        """A page; None where there is none that is good."""
        name = self._name(key)
        if name not in self._sizes:
            return None
        path = self.directory / name
        try:
            with path.open("rb") as file:
                content = file.read(HEADER_LIMIT + self.page_bytes + 9)
            return decode(content, self._fingerprint, key, self.page_bytes)
        except BadPage as bad:
            log.warning("%s is not a good page, so it is removed: %s", path, bad)
            self._remove(name)
        except FileNotFoundError:
            pass  # another process needed the room
        except OSError as error:
            self._tell("read from", error)
        self._forget(name)
        return None

    def write(self, key: bytes, payload: bytes, era: int) -> bool:
        """Keep a page, if nothing was cleared since `era`; older files go where the budget needs it.

        Returns:
            Whether the page is there now.
        """
        if key in self:
            return True
        name, parts = self._name(key), encode(self._fingerprint, key, payload)
        size = sum(len(part) for part in parts)
        if size > self.budget:
            return False
        temporary = self._folder / f".{key.hex()}.{os.getpid()}-{next(_numbers)}.tmp"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.writelines(parts)
            with self._lock:
                if era == self.era:
                    temporary.rename(self.directory / name)
                    self._sizes[name] = size
                    self._bytes += size
            temporary.unlink(missing_ok=True)
        except OSError as error:
            self._tell("write to", error)
            self._abandon(temporary)
            return False
        self._trim()
        return key in self

    def touch(self, key: bytes) -> None:
        """Count a page as used now, until the process ends. Does not wait for the disk."""
        with self._lock:
            if (name := self._name(key)) in self._sizes:
                self._sizes.move_to_end(name)

    def freshen(self, keys: list[bytes]) -> None:
        """Count pages as used now, the last of them last, also for later processes."""
        for key in keys:
            self.touch(key)
            name = self._name(key)
            try:
                os.utime(self.directory / name)
            except FileNotFoundError:
                self._forget(name)
            except OSError as error:
                self._tell("write to", error)

    def clear(self) -> None:
        """Remove this model's pages."""
        with self._lock:
            self.era += 1
            mine = [name for name in self._sizes if name.startswith(self._folder.name)]
            for name in mine:
                self._bytes -= self._sizes.pop(name)
        for name in mine:
            self._remove(name)

    def recount(self) -> int:
        """How many bytes the index has, counted anew."""
        with self._lock:
            return sum(self._sizes.values())

    def _name(self, key: bytes) -> str:
        return f"{self._folder.name}/{key.hex()}{SUFFIX}"

    def _open(self) -> None:
        """Make the directory and take stock of it."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_owner()
            found = sorted(self._take_stock())
        except OSError as error:
            self._tell("use", error)
            return
        for _, name, size in found:
            self._sizes[name] = size
            self._bytes += size
        self._trim()

    def _check_owner(self) -> None:
        """Tell of a directory that others can write to: a checksum is no signature."""
        stat = self.directory.stat()
        if stat.st_uid != os.geteuid() or stat.st_mode & 0o022:
            log.warning("%s may be written to by others, who could change what the model reads", self.directory)

    def _take_stock(self) -> list[tuple[int, str, int]]:
        """(time of last use, path below the directory, bytes) of every page file; what is foreign is told of."""
        found: list[tuple[int, str, int]] = []
        foreign: list[str] = []
        for folder in self.directory.iterdir():
            if not _MODEL.fullmatch(folder.name) or not folder.is_dir() or folder.is_symlink():
                foreign.append(folder.name)
                continue
            for entry in os.scandir(folder):
                if _PAGE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    found.append((stat.st_mtime_ns, f"{folder.name}/{entry.name}", stat.st_size))
                elif not _TEMPORARY.fullmatch(entry.name):
                    foreign.append(f"{folder.name}/{entry.name}")
                elif entry.stat(follow_symlinks=False).st_mtime < time.time() - ABANDONED_SECONDS:
                    self._abandon(Path(entry.path))
        if foreign:
            more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
            log.warning("%s has what is not ours, left alone: %s%s", self.directory, ", ".join(foreign[:3]), more)
        return found

    def _trim(self) -> None:
        """Remove the oldest files until the rest fits the budget."""
        while True:
            with self._lock:
                if self._bytes <= self.budget:
                    return
                name, size = self._sizes.popitem(last=False)
                self._bytes -= size
            self._remove(name)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._bytes -= self._sizes.pop(name, 0)

    def _remove(self, name: str) -> None:
        try:
            (self.directory / name).unlink(missing_ok=True)
        except OSError as error:
            self._tell("remove files from", error)

    def _abandon(self, temporary: Path) -> None:
        try:
            temporary.unlink(missing_ok=True)
        except OSError as error:
            self._tell("remove files from", error)

    def _tell(self, what: str, error: OSError) -> None:
        """Once for each kind of trouble: a full disk would fill the log next."""
        if error.errno not in self._told:
            self._told.add(error.errno)
            log.warning("cannot %s the disk cache %s: %s; going on without", what, self.directory, error)

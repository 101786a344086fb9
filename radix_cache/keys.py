"""What a page is called outside the tree: a hash over everything that its content depends on.

    root(salt)          = H(fingerprint, salt)
    key of a page       = H(key of the page before it, or the root; the page's own token ids)

So a key stands for the whole prefix up to its page's end, for one model as it was run, and for one tenant. The
fingerprint is the caller's: whatever changes the bytes of a page must change it. H is BLAKE2b (RFC 7693) of 256 bits:
equal keys are taken to mean equal prefixes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from hashlib import blake2b

KEY_BYTES = 32


class PageKeys:
    """The keys of one model's pages.

    Args:
        fingerprint: names the model and all that a page's bytes depend on beside its tokens.
        page_size: tokens a page.
    """

    def __init__(self, fingerprint: bytes, page_size: int) -> None:
        self.fingerprint = fingerprint
        self.page_size = page_size
        self._format = struct.Struct(f"<{page_size}q")

    def root(self, salt: str) -> bytes:
        """What the first page's key grows from. Nothing that is written down tells the salt."""
        state = blake2b(struct.pack("<q", len(self.fingerprint)), digest_size=KEY_BYTES, person=b"weft kv root")
        state.update(self.fingerprint)
        state.update(salt.encode("utf-8", "surrogatepass"))
        return state.digest()

    def after(self, key: bytes, block: Sequence[int]) -> bytes:
        """The key of the page that holds `block`, token ids of one whole page, after the page or root named `key`."""
        return blake2b(key + self._format.pack(*block), digest_size=KEY_BYTES, person=b"weft kv page").digest()

    def along(self, key: bytes, ids: Sequence[int]) -> Iterator[bytes]:
        """The keys of the whole pages of `ids`, which stand after the page or root named `key`."""
        for start in range(0, len(ids) - self.page_size + 1, self.page_size):
            key = self.after(key, ids[start : start + self.page_size])
            yield key

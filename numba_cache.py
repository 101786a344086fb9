"""What Numba keeps on disk, thrown away when any source that it came from has changed.

Numba renews what it keeps of a function when the function's own file changes, not when one does that it calls. So each
folder of compiled functions has a stamp over all its sources, and a package says so before it compiles anything.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from pathlib import Path

log = logging.getLogger(__name__)


def drop_stale(folder: Path) -> None:
    """Throw away what is kept of the functions in `folder` and below, if it was compiled from other sources."""
    files = sorted(folder.rglob("*.py"))
    stamp = folder / "__pycache__" / "compiled.stamp"
    mark = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    try:
        if stamp.exists() and stamp.read_text() == mark:
            return
        for kept in {file.parent / "__pycache__" for file in files}:
            for file in (*kept.glob("*.nbi"), *kept.glob("*.nbc")):
                file.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(mark)
    except OSError as error:  # a folder that cannot be written: Numba keeps its files elsewhere, by path and time
        log.debug("what is compiled is not kept beside the sources: %s", error)

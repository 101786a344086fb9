"""What goes wrong here is never a user's doing: it is bookkeeping that does not add up."""

from __future__ import annotations

from ..errors import EngineError


class IntegrityError(EngineError):
    """Pages or locks do not add up: a page freed twice, a lock released that nobody holds, a count that drifted.

    Raised before anything is changed wherever a call is at fault, so that the state seen then is the state to look at.
    """

    code = "cache_integrity"

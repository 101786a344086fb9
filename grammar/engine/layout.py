"""How expressions lie in arrays: the tables that the compiled functions of this package share.

A node is a row of `Tables.nodes`: its kind, up to five operands (columns A to E), flags, the row of its transitions,
and a superset of the bytes that can come first. Nodes are interned, so that equal expressions are one number. What has
no fixed length (the options of an `ALT`, the bytes of a literal, the plan of an object) lies in `Tables.pool`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTHING, EMPTY = 0, 1
"""The nodes that match no text, and the empty text only."""

# Kinds, with their operands.
K_NOTHING = 0
K_EMPTY = 1
K_BYTES = 2  # list of 8 words: one byte out of a set
K_LITERAL = 3  # pool offset, pool end: exactly these bytes
K_SEQ = 4  # first, rest; `first` is neither a SEQ nor an ATOM
K_ATOM = 5  # regular expression, rest
K_ALT = 6  # list of nodes, sorted
K_REPEAT = 7  # node, low, high (-1: no end)
K_BOTH = 8  # list of regular nodes, sorted
K_NOT = 9  # regular node
K_MULTIPLE = 10  # modulus, remainder so far, decimal places left, whether the point was read
K_REF = 11  # number of the rule; its body is in column D and no part of its identity
K_TOKEN = 12  # symbol: 256 + number of the special token
K_OBJECT = 13  # plan, open members (DATA), count or ledger, phase
K_KEY = 14  # plan, open members, count or ledger, place in the trie of names, what other keys this may be
K_ARRAY = 15  # plan, index, counts (DATA), phase, items seen (DATA)
K_DATA = 16  # list of words, no expression
K_CAPTURE = 17  # what is left of an item, its bytes so far (DATA), the array it is an item of

# Columns of `Tables.nodes`.
KIND, A, B, C, D, E, FLAGS, ROW, FIRST = 0, 1, 2, 3, 4, 5, 6, 7, 8
WIDTH = 16

# Flags.
NULLABLE = 1
REGULAR = 2
GUARDED = 4  # holds a BOTH or NOT, so that it may match nothing without showing it
ALIVE = 8  # known to match something
DEAD = 16  # known to match nothing
HAS_TOKEN = 32  # a special token may come first
MARKED = 64  # seen by the search under way
COUNTED = 128  # holds a repeat of more than CLAMP

CLAMP = 24
"""Characters up to which a token is a short one. Within it no repeat of more than so many can end: each takes one."""

# Phases of an object or array: at its start, after an item, where an item must come.
START, AFTER, MUST = 0, 1, 2

# Words of `Tables.meta`.
N_NODES, N_POOL, N_ROWS, FUEL, STRING_CHARACTER, N_FRAMES, N_RESULTS, SPELLED_CHARACTER, N_META = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
)

QUOTE = 0x22

# An object's plan: words in the pool.
P_NAMED, P_ORDERED, P_LOW, P_HIGH, P_COMMA, P_OTHERS, P_TRIE, P_REQUIRED, P_VALUES, P_CAP = range(10)
P_TRACKED = 10
P_CAPTURES = 11
OBJECT_PLAN = 12
# A place in a trie of names: property it ends (-1: none), children, first and end in the list of names below it,
# then (byte, place) for each child.
T_PROPERTY, T_CHILDREN, T_BELOW, T_BELOW_END, T_EDGES = 0, 1, 2, 3, 4

# An array's plan.
L_FIRST, L_LOW, L_HIGH, L_COMMA, L_COUNTERS, L_BOUNDS, L_OPTIONS, L_CAP, L_UNIQUE = range(9)
ARRAY_PLAN = 9

UNKNOWN = -1
"""In a row of transitions: not derived yet."""


class Tables(NamedTuple):
    """The arrays of one store.

    Attributes:
        nodes: int32 [capacity, WIDTH].
        slots: int32 [power of two], node numbers by hash; 0 is free.
        pool: int32 [capacity], all lists.
        rows: int32 [capacity, 256], transitions of the nodes that have any.
        meta: int64 [N_META], counters.
        frames, results: int64 [capacity], the stacks of derivatives under way. The compiled functions do not call
            themselves: what is kept on disk of a function that does cannot be loaded again.
    """

    nodes: NDArray[np.int32]
    slots: NDArray[np.int32]
    pool: NDArray[np.int32]
    rows: NDArray[np.int32]
    meta: NDArray[np.int64]
    frames: NDArray[np.int64]
    results: NDArray[np.int64]


class TablesFull(Exception):
    """A table has no room left: enlarge it and go on; what was interned stays."""


class OutOfFuel(Exception):
    """The work granted to one call is used up."""

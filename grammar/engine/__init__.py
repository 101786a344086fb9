"""The grammar engine: what may follow a text is the derivative of its grammar, and a mask is what tokens can be read.

`store.py` is where everything comes together; read it first. `layout.py` says how expressions lie in arrays and names
all numbers. `program.py` writes an expression down, `loading.py` makes nodes of it, `nodes.py` interns them.
`regular.py` and `derive.py` take derivatives, with objects and arrays (`objects.py`, `arrays.py`, `seen.py`) as states.
`tokens.py` and `trie.py` prepare a vocabulary; `walk.py` finds masks, `heads.py` the part of them that all grammars
share, `clamp.py` what long counts have in common. `matcher.py` is the face that the runtime sees. What Numba compiles
has one signature each (`compiled.py`), and bounds are counted (`limits.py`).
"""

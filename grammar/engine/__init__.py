"""The grammar engine: expressions, their derivatives, and token masks. Start with `store.py`; `layout.py` names all."""

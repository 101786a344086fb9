"""SGLang's native routes, as its frontend language and its benchmarks call them; open `generate.py` first.

What its OpenAI-compatible routes add to OpenAI's is served in `openai/`.
"""

"""What a model's chat conventions look like as text: templates, tool calls, reasoning. Knows no torch and no model.

`template.py` renders messages with a model's own Jinja template, sandboxed and bounded; `sandbox.py` is how.
`tools.py` describes Python functions as tools and reads tool calls out of generated text; `reasoning.py` splits off
what a model thought before it answered.
"""

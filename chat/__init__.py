"""What a model's chat conventions look like as text: templates, tool calls, reasoning. Knows no torch and no model.

`template.py` renders messages with a model's own Jinja template, sandboxed and bounded; `sandbox.py` is how.
`answer_form.py` says what an answer may consist of, as a structural tag, and reads it while it streams, as the pieces
of `pieces.py`: calls in one of `tool_formats/`, reasoning by `reasoning.py`. `tools.py` describes Python functions as
tools, and reads calls out of a whole text.
"""

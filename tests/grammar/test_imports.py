"""The grammar floor stays light."""

from __future__ import annotations

import subprocess
import sys


def test_grammar_and_chat_load_neither_torch_nor_the_engine():
    program = (
        "import sys; import weft.grammar, weft.chat.template, weft.chat.tools, weft.chat.reasoning;"
        "print([name for name in ('torch', 'transformers', 'outlines_core', 'tokenizers', 'pydantic', 'weft.runtime')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""`weft grammar`: what it says of a constraint, and of one that is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from weft.cli.main import app

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 9, "description": "whose"}, "ok": {"type": "boolean"}},
    "required": ["name"],
    "additionalProperties": False,
}


def run(*arguments: str, input: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["grammar", *arguments], input=input)
    assert result.exit_code == 0, result.output
    return result


def samples(result: Result) -> list[str]:
    _, _, listed = result.output.partition("random texts:\n")
    return [line.removeprefix("  ") for line in listed.splitlines()]


def test_a_schema() -> None:
    result = run(json.dumps(SCHEMA), "--samples", "20")
    assert "json-schema, " in result.output
    assert "property_order schema, whitespace spaced, formats assert" in result.output
    enforced = next(line for line in result.output.splitlines() if line.startswith("enforced"))
    assert enforced.split(": ", 1)[1].split(", ")[0] == "type ×3"
    assert "maxLength" in enforced
    assert "taken for comments: description\n" in result.output
    assert re.search(r"first mask: \d+ of \d+ tokens: \"\{", result.output)
    assert len(samples(result)) == 20
    for text in samples(result):
        jsonschema.validate(json.loads(text), SCHEMA)


def test_a_regex_and_its_seed() -> None:
    result = run("[ab]{2}(-[0-9])*", "--seed", "7")
    assert "regex, 16 characters" in result.output
    assert all(re.fullmatch("[ab]{2}(-[0-9])*", text) for text in samples(result))
    assert run("[ab]{2}(-[0-9])*", "--seed", "7").output == result.output
    assert run("[ab]{2}(-[0-9])*", "--seed", "8").output != result.output


def test_files_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA), encoding="utf-8")
    from_file = run(str(file))
    assert from_file.output == run("-", input=json.dumps(SCHEMA)).output
    lines = tmp_path / "names.txt"
    lines.write_text("Ada\nGrace\n", encoding="utf-8")
    assert set(samples(run(str(lines), "--choices"))) <= {"Ada", "Grace"}
    assert "regex, 9 characters" in run(str(lines), "--regex").output
    assert set(samples(run('["yes", "no"]'))) <= {"yes", "no"}


def test_another_tokenizer(tiny_folder: Path) -> None:
    for place in (tiny_folder, tiny_folder / "tokenizer.json"):
        result = run("(true|null)", "--tokenizer", str(place))
        assert '"true"' in result.output
        assert re.search(r"first mask: \d+ of \d{3} tokens", result.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a("], "regex 'a('"),
        (['{"type": "thing"}'], "thing"),
        (['{"type": '], "JSON"),
        (["x", "--regex", "--choices"], "--regex and --choices do not go together"),
        (["true", "--whitespace", "wide"], "whitespace must be one of"),
        (["a", "--tokenizer", "/no/such"], "/no/such cannot be read"),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    code = f"import sys; sys.argv = ['weft', 'grammar', *{arguments!r}]; from weft.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("weft: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr

"""The demo: 24 documents to records."""

from __future__ import annotations

import json

import jsonschema
import pytest

from weft.errors import EngineError
from weft.lang import Answer, ScriptedBackend
from weft.request import FinishReason


@pytest.fixture(scope="module")
def extraction(example):
    return example("extraction")


@pytest.fixture(scope="module")
def documents(extraction):
    lines = (extraction.DATA / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def schemas(extraction):
    return json.loads((extraction.DATA / "schemas.json").read_text(encoding="utf-8"))


def test_the_right_records_are_valid_under_their_schemas(documents, schemas):
    assert len(documents) == 24
    for document in documents:
        jsonschema.validate(document["record"], schemas[document["kind"]])


def test_right_answers_are_all_right(extraction, documents, capsys):
    def know(prompt, request):
        (document,) = [one for one in documents if one["text"] in prompt]
        return json.dumps(document["record"], ensure_ascii=False)

    report = extraction.main(ScriptedBackend(know))
    assert report.records == [document["record"] for document in documents]
    assert report.fields == report.fields_right > 100
    assert report.share_right == 1.0
    shown = capsys.readouterr().out
    assert "(100%)" in shown
    assert "✗" not in shown


def test_the_prompt_is_as_the_model_knows_it(extraction, documents, schemas):
    backend = ScriptedBackend({"record": "{}"})
    extraction.main(backend, limit=1)
    document = documents[0]
    schema = json.dumps(schemas[document["kind"]], ensure_ascii=False)
    assert backend.prompts == [
        f"<user>\nExtract a record as JSON.\nSchema: {schema}\nText: {document['text']}\n<assistant>\n"
    ]
    (request,) = backend.requests
    assert request.sampling.temperature == 0.0
    assert request.sampling.max_tokens == 400


def test_a_document_that_fails_counts_as_wrong_and_spoils_no_other(extraction, documents, capsys):
    answers = [
        EngineError("boom [red]"),
        Answer('{"name": "cut of', FinishReason.LENGTH),
        json.dumps(documents[2]["record"]),
    ]

    def answer(prompt, request):
        place = next(place for place, one in enumerate(documents) if one["text"] in prompt)
        return answers[place]

    report = extraction.main(ScriptedBackend(answer), limit=3)
    assert report.records == [None, None, documents[2]["record"]]
    assert report.fields_right == len(extraction.leaves(documents[2]["record"]))
    assert report.fields == sum(len(extraction.leaves(one["record"])) for one in documents[:3])
    shown = capsys.readouterr().out
    assert "boom [red]" in shown
    assert "ran out of" in shown


@pytest.mark.parametrize(
    ("found", "right", "counts"),
    [
        ({"a": 1}, {"a": 1.0}, (1, 1)),
        ({"a": 1}, {"a": True}, (0, 1)),
        ({"a": "x "}, {"a": "x"}, (0, 1)),
        ({"a": None}, {"a": None}, (1, 1)),
        ({"a": []}, {"a": []}, (1, 1)),
        ({"a": ["x"]}, {"a": []}, (0, 2)),
        ({"a": [1, 2, 3]}, {"a": [1, 2]}, (2, 3)),
        ({"a": {"b": 1, "c": [{"d": 2}]}}, {"a": {"b": 1, "c": [{"d": 3}]}}, (1, 2)),
        ({}, {"a": 1, "b": {"c": 2}}, (0, 2)),
        (None, {"a": 1}, (0, 1)),
    ],
)
def test_fields_are_compared_as_documented(extraction, found, right, counts):
    rows = extraction.compare(found, right)
    assert (sum(equal for *_, equal in rows), len(rows)) == counts

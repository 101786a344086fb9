"""API keys, the salts that they give, and calls from web pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from serving import serving

from weft.errors import InvalidRequest
from weft.server.auth import key_id
from weft.server.options import AccessOptions, ServeOptions

from .conftest import RunningServer

ACCESS = AccessOptions(
    api_keys=("first-key", "second-key"), cors_origins=("https://app.example.org",), salt_by_key=True
)
BODY: Any = {"model": "fake-model", "prompt": "Hi"}
FIRST = {"Authorization": "Bearer first-key"}
SECOND = {"x-api-key": "second-key"}
MESSAGES: Any = {"model": "fake-model", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def salts(server: RunningServer, http: httpx.Client) -> Any:
    def ask(headers: dict[str, str], **fields: Any) -> str:
        assert http.post("/v1/completions", json=BODY | fields, headers=headers).status_code == 200
        return server.engine.requests[-1].cache_salt

    return ask


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer third-key"},
        {"Authorization": "Bearer first-ke"},
        {"Authorization": "Bearer"},
        {"Authorization": "first-key"},
        {"Authorization": "Basic first-key"},
        {"Authorization": "Bearer first-key,second-key"},
        {"x-api-key": ""},
        {"x-api-key": "Bearer first-key"},
        {"x-api-key": "FIRST-KEY"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/completions"),
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("GET", "/server_info"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/nowhere"),
        ("GET", "/health/"),
        ("GET", "//health"),
        ("OPTIONS", "/v1/models"),
    ],
)
def test_a_call_without_a_key_is_refused_everywhere(
    http: httpx.Client, server: RunningServer, headers: dict[str, str], method: str, path: str
) -> None:
    response = http.request(method, path, headers=headers, json=BODY if method == "POST" else None)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["X-Request-Id"]
    error = response.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "invalid_api_key", None)
    assert "first-ke" not in response.text
    assert not server.engine.requests


@pytest.mark.parametrize("key", ["first-key", "second-key"])
@pytest.mark.parametrize("header", ["Authorization: Bearer", "authorization: bearer", "x-api-key:"])
def test_any_of_the_keys_opens_in_any_form(http: httpx.Client, header: str, key: str) -> None:
    name, _, scheme = header.partition(":")
    assert http.get("/v1/models", headers={name: f"{scheme} {key}".strip()}).status_code == 200


def test_health_needs_no_key(http: httpx.Client) -> None:
    assert http.get("/health").status_code == 200


def test_openais_client(server: RunningServer) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="first-key", max_retries=0) as client:
        assert client.completions.create(**BODY).choices[0].text == "Hello!"
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.completions.create(**BODY)


def test_anthropics_client_and_envelope(server: RunningServer) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="second-key", max_retries=0) as client:
        client.messages.create(**MESSAGES)
    assert server.engine.requests[-1].cache_salt.startswith(key_id("second-key"))
    with (
        anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        client.messages.create(**MESSAGES)
    body: Any = refused.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"


def test_a_refused_call_says_so_to_a_client_that_is_still_sending(http: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(65536)

    assert http.post("/v1/completions", content=pieces()).status_code == 401


def test_a_connection_outlives_a_refusal_without_a_body(http: httpx.Client) -> None:
    assert "Connection" not in http.get("/v1/models").headers


def test_refusals_are_counted(http: httpx.Client, server: RunningServer) -> None:
    http.get("/v1/models")
    assert 'reason="invalid_api_key"' in http.get("/metrics", headers=FIRST).text


def test_requests_of_different_keys_share_no_prefix(salts: Any) -> None:
    assert len({salts(FIRST), salts(SECOND)}) == 2
    assert salts(FIRST) == salts({"x-api-key": "first-key"})
    assert salts(FIRST, cache_salt="a") not in {salts(FIRST), salts(FIRST, cache_salt="b")}


def test_no_salt_of_a_client_can_be_another_keys(salts: Any) -> None:
    theirs = salts(SECOND, cache_salt="x")
    forged = {salts(FIRST, cache_salt=salt) for salt in (theirs, f":{theirs}", f"{key_id('second-key')}:x", "x")}
    assert theirs not in forged


def test_a_salt_does_not_tell_the_key(salts: Any) -> None:
    assert "first-key" not in salts(FIRST)


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_a_page_of_an_allowed_origin_may_ask_and_call(http: httpx.Client) -> None:
    origin = {"Origin": "https://app.example.org"}
    asked = http.options("/v1/completions", headers=PREFLIGHT | origin)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"].lower()
    answer = http.post("/v1/completions", json=BODY, headers=FIRST | origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    refused = http.post("/v1/completions", json=BODY, headers=origin)
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example.org", "the page may read why"


def test_a_page_of_another_origin_may_not(http: httpx.Client) -> None:
    origin = {"Origin": "https://evil.example.org"}
    asked = http.options("/v1/completions", headers=PREFLIGHT | origin)
    assert asked.status_code == 400
    assert "Access-Control-Allow-Origin" not in asked.headers
    assert "Access-Control-Allow-Origin" not in http.get("/health", headers=origin).headers


@pytest.mark.parametrize(
    ("access", "param"),
    [
        (AccessOptions(api_keys=("",)), "api_key"),
        (AccessOptions(api_keys=("with space",)), "api_key"),
        (AccessOptions(api_keys=("schlüssel",)), "api_key"),
        (AccessOptions(cors_origins=("example.org",)), "cors_origin"),
        (AccessOptions(cors_origins=("https://example.org/path",)), "cors_origin"),
        (AccessOptions(salt_by_key=True), "salt_by_key"),
    ],
)
def test_what_cannot_work_is_refused_at_start(access: AccessOptions, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ServeOptions(access=access).validate()
    assert refused.value.param == param
    assert "schlüssel" not in str(refused.value)


def test_no_key_stands_in_a_repr() -> None:
    assert "first-key" not in repr(ServeOptions(access=ACCESS))


@pytest.mark.parametrize("options", [["--api-key", "from-flag", "--api-key", "other"], []])
def test_the_commands_keys(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, options: list[str]) -> None:
    monkeypatch.setenv("WEFT_API_KEY", "from-environment, other")
    right, wrong = ("from-flag", "from-environment") if options else ("from-environment", "from-flag")
    with serving(str(tiny_folder), "--salt-by-key", *options) as served:
        for key, status in ((right, 200), ("other", 200), (wrong, 401), ("", 401)):
            assert served.http.get("/v1/models", headers={"x-api-key": key}).status_code == status
        assert served.http.get("/health").status_code in (200, 503)
        served.notice("serving")
        served.stop()

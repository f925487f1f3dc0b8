import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.channels.base import SourceConfig, WebhookRequest
from app.channels.registry import ADAPTERS
from app.messages import InboundMessage

FORM = ADAPTERS["web_form"]
NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)


def source(**settings: Any) -> SourceConfig:
    return SourceConfig(name="site", settings={"scheme": "none", **settings}, default_region="IR")


def post(entries: Any, **headers: str) -> WebhookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(
        method="POST",
        url="https://hooks.onefile.example/v1/ingest/site",
        segments=(),
        query=b"",
        headers={"content-type": "application/json", **named},
        body=json.dumps(entries).encode(),
        received_at=NOON,
    )


def external_id(request: WebhookRequest) -> str:
    (message,) = FORM.parse(request, source())
    assert isinstance(message, InboundMessage)
    return message.external_id


def test_the_same_content_within_ten_minutes_is_one_message() -> None:
    first = post({"email": "a@x.example", "message": "hi"})

    assert external_id(first) == external_id(replace(first, received_at=NOON + timedelta(minutes=9)))
    assert external_id(first) != external_id(replace(first, received_at=NOON + timedelta(minutes=10)))
    assert external_id(first) != external_id(post({"email": "a@x.example", "message": "hi!"}))


def test_the_same_content_is_the_same_in_json_and_in_a_form() -> None:
    form = replace(
        post({}), headers={"content-type": "application/x-www-form-urlencoded"}, body=b"message=hi&email=a%40x.example"
    )

    assert external_id(form) == external_id(post({"email": "a@x.example", "message": "hi"}))


def test_an_endless_key_is_shortened() -> None:
    assert len(external_id(post({"message": "hi"}, idempotency_key="k" * 9_000))) == 64


def test_a_browser_is_sent_on_and_a_script_gets_json() -> None:
    settings = source(redirect_url="https://shop.example/thanks")

    answer = FORM.respond(post({}, accept="text/html,*/*"), settings)
    assert (answer.status, answer.headers["Location"]) == (303, "https://shop.example/thanks")

    answer = FORM.respond(post({}, accept="*/*"), settings)
    assert (answer.status, answer.body) == (202, b'{"status":"received"}')


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({}, "*"),
        ({"allowed_origins": "*"}, "*"),
        ({"allowed_origins": ["https://shop.example"]}, "https://shop.example"),
        ({"allowed_origins": "https://shop.example"}, "https://shop.example"),
        ({"allowed_origins": ["https://shop.example.evil.example"]}, None),
        ({"allowed_origins": []}, None),
        ({"scheme": "path_secret"}, None),
    ],
)
def test_only_pages_of_allowed_origins_may_read_the_answer(settings: dict[str, Any], allowed: str | None) -> None:
    request = post({}, origin="https://shop.example")

    for answer in (
        FORM.respond(request, source(**settings)),
        FORM.complain(request, source(**settings), ValueError()),
        FORM.handshake(replace(request, method="OPTIONS"), source(**settings)),
    ):
        assert answer is not None
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed


def test_a_wrong_form_is_told_field_by_field() -> None:
    request, settings = post({"comment": ["x"], "email": 5}), source(fields={"message": "comment"})
    with pytest.raises(ValueError, match="comment") as raised:
        FORM.parse(request, settings)

    answer = FORM.complain(request, settings, raised.value)
    problem = json.loads(answer.body)
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert problem["errors"] == [
        {"field": "email", "message": "must be a text"},
        {"field": "comment", "message": "must be a text"},
    ]

"""Answers to calls, files fetched in more than one step, and what generic senders are told."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.channels.base import FetchRequest, FetchResponse, Refused, SourceConfig, Unreadable
from app.channels.registry import ADAPTERS
from app.messages import Attachment
from tests.channels.samples import Outcome, Sample, converse, each_sample, message, sample

TWIML = '<Response><Record maxLength="60"/></Response>'


def fetched(
    provider: str, attachment: Attachment, credentials: dict[str, str], *answers: bytes
) -> tuple[Sequence[FetchRequest], Attachment]:
    """All that is asked of the provider, and the attachment in the end."""
    conversation = ADAPTERS[provider].fetch_media(attachment, SourceConfig("sample", credentials))
    return converse(conversation, *answers, content_type="audio/mpeg")


def attachment_of(provider: str, case: str) -> Attachment:
    return message(provider, case).attachments[0]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_a_telegram_file_is_found_then_fetched() -> None:
    voice = attachment_of("telegram", "voice")
    found = b'{"ok":true,"result":{"file_id":"AwA-1","file_path":"voice/file 7.oga"}}'

    asked, whole = fetched("telegram", voice, {"bot_token": "7001:AA-x"}, found, b"OggS")

    assert [request.url for request in asked] == [
        "https://api.telegram.org/bot7001:AA-x/getFile?file_id=AwA-1",
        "https://api.telegram.org/file/bot7001:AA-x/voice/file%207.oga",
    ]
    assert (whole.name, whole.content_type, whole.content, whole.size) == ("file 7.oga", "audio/ogg", b"OggS", 4)


@pytest.mark.parametrize("found", [b'{"ok":false,"description":"file is too big"}', b"[]", b'{"result":[]}'])
def test_a_telegram_file_that_is_not_there_is_unreadable(found: bytes) -> None:
    conversation = ADAPTERS["telegram"].fetch_media(
        attachment_of("telegram", "voice"), SourceConfig("sample", {"bot_token": "7001:AA"})
    )
    next(conversation)

    with pytest.raises(Unreadable):
        conversation.send(FetchResponse({}, found))


@pytest.mark.parametrize(("provider", "case"), [("twilio_whatsapp", "picture"), ("twilio_voice", "recording")])
def test_twilio_files_are_asked_for_in_the_accounts_name(provider: str, case: str) -> None:
    (request,), whole = fetched(provider, attachment_of(provider, case), {"auth_token": "t"}, b"bytes")

    assert request.headers == basic("AC0f1e2d3c4b5a69788796a5b4c3d2e1f0", "t")
    assert (whole.content_type, whole.size) == ("audio/mpeg", 5)


def test_pages_kept_by_sinch_and_documo_are_asked_for_with_their_keys() -> None:
    pages = attachment_of("sinch_fax", "without_file")
    (request,), whole = fetched("sinch_fax", pages, {"access_key_id": "k", "access_key_secret": "s"}, b"%PDF")
    assert (request.headers, whole.content_type) == (basic("k", "s"), "application/pdf")

    pages = attachment_of("documo_fax", "inbound")
    (request,), whole = fetched("documo_fax", pages, {"api_key": "eyJ.key"}, b"%PDF")
    assert (request.headers, whole.content) == ({"Authorization": "Basic eyJ.key"}, b"%PDF")


@pytest.mark.parametrize(
    ("provider", "case"), [("telegram", "voice"), ("sinch_fax", "without_file"), ("documo_fax", "inbound")]
)
def test_without_a_key_nothing_is_fetched(provider: str, case: str) -> None:
    with pytest.raises(Refused):
        next(ADAPTERS[provider].fetch_media(attachment_of(provider, case), SourceConfig("sample")))


def answer_to(case: str, **settings: Any) -> bytes:
    source = SourceConfig("calls", {}, settings)
    answer = ADAPTERS["twilio_voice"].respond(sample("twilio_voice", case).request(), source)
    assert answer.content_type == "text/xml"
    return answer.body


@each_sample(Outcome.accepted, Outcome.quarantined, providers=["twilio_sms", "twilio_whatsapp", "twilio_voice"])
def test_twilio_is_always_answered_in_twiml(sample: Sample) -> None:
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()

    for answer in (adapter.respond(request, source), adapter.complain(request, source, Unreadable())):
        assert (answer.status, answer.content_type, answer.body) == (200, "text/xml", b"<Response/>")


def test_an_incoming_call_is_answered_as_the_source_says() -> None:
    assert answer_to("incoming", twiml=TWIML) == TWIML.encode()
    assert answer_to("incoming_by_get", twiml=TWIML) == TWIML.encode()


@pytest.mark.parametrize("case", ["completed", "recording", "transcription", "keys_pressed", "outbound", "leg"])
def test_later_stages_of_a_call_do_not_start_it_over(case: str) -> None:
    assert answer_to(case, twiml=TWIML) == b"<Response/>"


def test_cloudevents_senders_are_told_what_is_wrong() -> None:
    adapter = ADAPTERS["cloudevents"]
    told = {}
    for case in ("format_avro", "binary_overlong", "structured_wrong_time", "binary_without_source"):
        each = sample("cloudevents", case)
        with pytest.raises(Unreadable) as raised:
            adapter.parse(each.request(), each.source())
        told[case] = adapter.complain(each.request(), each.source(), raised.value)

    assert {case: answer.status for case, answer in told.items()} == {
        "format_avro": 415,
        "binary_overlong": 400,
        "structured_wrong_time": 400,
        "binary_without_source": 400,
    }
    assert b"source missing" in told["binary_without_source"].body


def test_a_batch_is_recognised_before_a_single_event() -> None:
    each = sample("cloudevents", "batch")
    request = replace(each.request(), headers={"content-type": "Application/CloudEvents-Batch+JSON; charset=utf-8"})

    assert len(ADAPTERS["cloudevents"].parse(request, each.source())) == 2


@pytest.mark.parametrize("origin", ["", "a b", "x" * 300, "shop.example\r\nSet-Cookie: a=b", "é.example"])
def test_an_origin_that_is_no_name_may_not_deliver(origin: str) -> None:
    request = sample("cloudevents", "handshake").request()
    headers = {**request.headers, "webhook-request-origin": origin}

    with pytest.raises(Refused):
        ADAPTERS["cloudevents"].handshake(replace(request, headers=headers), SourceConfig("events"))

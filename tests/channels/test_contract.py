"""What every adapter promises, tried with every sample."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.channels.base import Adapter, Refused, SourceConfig, WebhookRequest
from app.channels.registry import ADAPTERS
from app.messages import Attachment, Inbound, InboundMessage
from app.text.cleaning import clean_json
from app.text.identifiers import normalise
from tests.channels.samples import Outcome, Sample, all_samples, as_json, each_sample, samples

VERIFIED = samples(Outcome.accepted, Outcome.quarantined)
SIGNED = [sample for sample in VERIFIED if ADAPTERS[sample.provider].scheme(sample.source()) != "none"]
BODY_SIGNED = [
    sample
    for sample in SIGNED
    if (adapter := ADAPTERS[sample.provider]).body_signed
    and sample.body
    # What holds for the scheme an adapter takes unless told need not hold for its others.
    and adapter.scheme(sample.source()) == next(iter(adapter.schemes))
]
_SIGNATURE_FIELD = re.compile(rb"\b(?:sig(?:nature)?|access_token)\b")
each_signed = pytest.mark.parametrize("sample", SIGNED, ids=lambda sample: f"{sample.provider}-{sample.case}")
each_body_signed = pytest.mark.parametrize("sample", BODY_SIGNED, ids=lambda sample: f"{sample.provider}-{sample.case}")


def verify(adapter: Adapter, request: WebhookRequest, source: SourceConfig) -> None:
    """As the edge does: a subscription check first."""
    if adapter.handshake(request, source) is None:
        adapter.verify(request, source)


def assert_storable(inbound: Sequence[Inbound]) -> None:
    recorded = [as_json(each) for each in inbound]
    assert clean_json(recorded) == recorded
    json.dumps(recorded, ensure_ascii=False, allow_nan=False).encode()
    for message in inbound:
        if isinstance(message, InboundMessage):
            assert message.external_id
            for identifier in message.identifiers:
                assert normalise(identifier.kind, identifier.value) == identifier.value


@each_sample(Outcome.accepted)
def test_translates_as_recorded(sample: Sample) -> None:
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()

    assert adapter.handshake(request, source) is None
    adapter.verify(request, source)

    inbound = adapter.parse(request, source)
    assert [as_json(each) for each in inbound] == sample.expected
    assert_storable(inbound)


@each_sample(Outcome.accepted)
def test_the_same_bytes_give_the_same_answer(sample: Sample) -> None:
    adapter = ADAPTERS[sample.provider]
    first, second = (adapter.parse(sample.request(), sample.source()) for _ in range(2))

    assert first == second


@each_sample(Outcome.quarantined)
def test_a_verified_request_that_cannot_be_read_raises(sample: Sample) -> None:
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()
    adapter.verify(request, source)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - any exception of `parse` quarantines the request
        adapter.parse(request, source)
    assert isinstance(raised.value, Exception)
    assert adapter.complain(request, source, raised.value).status in (200, 204, 400, 415, 422)


@each_sample(Outcome.refused)
def test_a_request_without_proof_is_refused(sample: Sample) -> None:
    with pytest.raises(ValueError if sample.case == "multipart_cut_off" else Refused):
        verify(ADAPTERS[sample.provider], sample.request(), sample.source())


@each_sample(Outcome.handshake)
def test_a_handshake_is_answered(sample: Sample) -> None:
    assert ADAPTERS[sample.provider].handshake(sample.request(), sample.source()) == sample.expected_answer


@each_signed
def test_another_secret_is_refused(sample: Sample) -> None:
    source = sample.source()
    for name in ADAPTERS[sample.provider].schemes[ADAPTERS[sample.provider].scheme(source)]:
        other = replace(source, credentials={**source.credentials, name: f"not {source.credentials[name]}"})
        with pytest.raises(Refused):
            ADAPTERS[sample.provider].verify(sample.request(), other)


@each_signed
def test_a_source_without_its_secret_refuses_everything(sample: Sample) -> None:
    source = sample.source()
    for name in ADAPTERS[sample.provider].schemes[ADAPTERS[sample.provider].scheme(source)]:
        for secret in ({}, {name: ""}):
            others = {key: value for key, value in source.credentials.items() if key != name}
            with pytest.raises(Refused):
                ADAPTERS[sample.provider].verify(sample.request(), replace(source, credentials={**others, **secret}))


@each_signed
def test_a_missing_signature_is_refused(sample: Sample) -> None:
    request = sample.request()
    headers = {name: value for name, value in request.headers.items() if name == "content-type"}
    query, body = (_SIGNATURE_FIELD.sub(b"unsigned", part) for part in (request.query, request.body))
    unsigned = replace(request, headers=headers, segments=(), query=query, body=body)

    with pytest.raises(Refused):
        ADAPTERS[sample.provider].verify(unsigned, sample.source())


@each_body_signed
def test_a_changed_body_is_refused(sample: Sample) -> None:
    """Or else the change is in what says nothing: Amazon leaves the links of its envelope unsigned."""
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()
    for position in range(0, len(request.body), max(1, len(request.body) // 25)):
        changed = bytearray(request.body)
        changed[position] ^= 0x01
        forged = replace(request, body=bytes(changed))
        try:
            adapter.verify(forged, source)
        except Refused:
            continue
        assert translated(adapter, forged, source) == translated(adapter, request, source)


def translated(adapter: Adapter, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound] | None:
    """None for what cannot be read."""
    try:
        return adapter.parse(request, source)
    except Exception:
        return None


@pytest.mark.parametrize("sample", VERIFIED, ids=lambda sample: f"{sample.provider}-{sample.case}")
def test_a_body_cut_off_anywhere_is_read_or_raises(sample: Sample) -> None:
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()
    for length in range(0, len(request.body), max(1, len(request.body) // 60)):
        try_to_parse(adapter, replace(request, body=request.body[:length]), source)


def try_to_parse(adapter: Adapter, request: WebhookRequest, source: SourceConfig) -> None:
    try:
        inbound = adapter.parse(request, source)
    except Exception:
        return
    assert_storable(inbound)


_AWKWARD = [b"%00", b"%ff", b"&", b"\\u0000", b"\\ud83d", b"null", b"[", b"{}", b"1e999", b"\r\n", b"--"]


@st.composite
def damaged_requests(draw: st.DrawFn, provider: str | None = None) -> tuple[Adapter, WebhookRequest, SourceConfig]:
    """A sample, of one provider or of any, with some of its bytes and headers replaced."""
    sample = draw(st.sampled_from([each for each in VERIFIED if provider in (None, each.provider)]))
    request = sample.request()
    query, body = bytearray(request.query), bytearray(request.body)
    for damaged in filter(None, (query, body)):
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(damaged)))
            damaged[start : start + draw(st.integers(0, 12))] = draw(st.binary(max_size=8) | st.sampled_from(_AWKWARD))
    names = st.sampled_from([*request.headers, "content-type", "authorization", "idempotency-key", "accept", "origin"])
    headers = draw(st.dictionaries(names, st.text(max_size=40), max_size=2))
    damaged_request = replace(request, query=bytes(query), body=bytes(body), headers={**request.headers, **headers})
    return ADAPTERS[sample.provider], damaged_request, sample.source()


@pytest.mark.parametrize("provider", ADAPTERS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_requests_are_read_or_raise(provider: str, data: st.DataObject) -> None:
    adapter, request, source = data.draw(damaged_requests(provider))
    try_to_parse(adapter, request, source)
    adapter.respond(request, source)


@settings(max_examples=300, deadline=None)
@given(damaged_requests(), st.text(max_size=30))
def test_verification_of_damaged_requests_only_raises(
    damaged: tuple[Adapter, WebhookRequest, SourceConfig], segment: str
) -> None:
    adapter, request, source = damaged
    try:
        assert adapter.verify(replace(request, segments=(segment,)), source) is None
    except Refused:
        pass
    except ValueError:
        in_the_body = adapter.provider == "mailgun" or adapter.provider.startswith("twilio_")
        assert in_the_body, "only a proof inside the body can be unreadable"


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
def test_a_missing_key_is_told_in_the_conversation_and_not_before(adapter: Adapter) -> None:
    file = Attachment("plan.pdf", "application/pdf", url="https://files.example/plan.pdf", provider_id="1")
    conversation = adapter.fetch_media(file, SourceConfig("sample"))

    with suppress(Refused):
        next(conversation)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
def test_an_adapter_describes_itself(adapter: Adapter) -> None:
    outcomes = {sample.outcome for sample in all_samples() if sample.provider == adapter.provider}

    assert adapter.title
    assert adapter.__doc__
    assert next(iter(adapter.schemes)) != "none"
    assert {Outcome.accepted, Outcome.quarantined, Outcome.refused} - outcomes <= {Outcome.quarantined}


def test_every_sample_belongs_to_an_adapter() -> None:
    assert {sample.provider for sample in all_samples()} == set(ADAPTERS)

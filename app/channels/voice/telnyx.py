"""Telnyx Voice (Call Control): calls, stage by stage, with what was recorded and transcribed of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from app.channels import times
from app.channels.base import SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, section, text
from app.channels.parties import Address, ends
from app.channels.telnyx import Event, TelnyxAdapter, read
from app.messages import (
    Attachment,
    Channel,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    InteractionKind,
)

_STAGES = (
    "call.initiated",
    "call.answered",
    "call.bridged",
    "call.hangup",
    "call.recording.saved",
    "call.recording.transcription.saved",
)
_DIRECTIONS = ("incoming", "outgoing")
_ATTRIBUTES = ("hangup_cause", "hangup_source", "sip_hangup_cause")
_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav"}


class TelnyxVoice(TelnyxAdapter):
    """Telnyx, "Receiving Webhooks for Voice API" and the "Call …" callback references."""

    provider = "telnyx_voice"
    title = "Telnyx Voice"
    channel = Channel.voice
    delivers = ("calls",)
    limits = (
        "All legs of one session are one call.",
        "The link to a recording holds for 10 minutes.",
    )

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        event = read(request)
        if event.kind not in _STAGES:
            return [Ignored(event.kind or "no event")]
        return [_call(event, source.default_region)]


def _call(event: Event, region: str | None) -> InboundMessage:
    stage = event.payload
    # Not every stage tells who called whom, and without the direction nobody knows which of the two is ours.
    direction = text(stage, "direction")
    known = direction in _DIRECTIONS
    caller, called = (Address(IdentifierKind.phone, text(stage, end) if known else "") for end in ("from", "to"))
    began = times.iso_if_told(text(stage, "start_time"))
    return InboundMessage(
        channel=Channel.voice,
        kind=InteractionKind.call,
        external_id=needed(stage, "call_session_id"),
        occurred_at=began or event.occurred_at,
        **ends([caller], [called], region=region, outbound=direction == "outgoing"),
        text=text(stage, "transcription_text"),
        duration_s=_duration_s(event, began),
        grows=True,
        attachments=tuple(_recording(stage)),
        attributes=dict(_attributes(event)),
    )


def _duration_s(event: Event, began: datetime | None) -> int | None:
    if event.kind != "call.hangup" or began is None or event.occurred_at is None:
        return None
    return max(0, int((event.occurred_at - began).total_seconds()))


def _recording(stage: Document) -> Iterator[Attachment]:
    urls = {**section(stage, "public_recording_urls"), **section(stage, "recording_urls")}
    for form, content_type in _FORMATS.items():
        if url := text(urls, form):
            recording_id = text(stage, "recording_id") or urlsplit(url).path.rpartition("/")[2]
            yield Attachment(name=None, content_type=content_type, url=url, provider_id=recording_id)
            return


def _attributes(event: Event) -> Iterator[tuple[str, str]]:
    stage = event.kind.removeprefix("call.")
    if "." not in stage:
        yield "status", stage
    for name in _ATTRIBUTES:
        if told := text(event.payload, name):
            yield name, told

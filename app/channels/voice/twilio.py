"""Twilio Programmable Voice: calls, stage by stage, with what was recorded and transcribed of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from app.channels.base import Answer, SourceConfig, WebhookRequest
from app.channels.parties import Address, ends
from app.channels.times import mail_date
from app.channels.twilio import Fields, TwilioAdapter, fields_of
from app.messages import (
    Attachment,
    Channel,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    InteractionKind,
)

_MOST_DIGITS = 8
_ATTRIBUTES = {
    "CallStatus": "status",
    "ForwardedFrom": "forwarded_from",
    "StirVerstat": "caller_verified",
    "AnsweredBy": "answered_by",
    "SipResponseCode": "sip_response_code",
    "RecordingStatus": "recording",
    "TranscriptionStatus": "transcription",
    "Digits": "digits",
    "SpeechResult": "speech",
    "ErrorCode": "error_code",
}
_NOTHING = ("", "0")
_WITHOUT_RECORDING = ("in-progress", "paused", "stopped", "absent", "failed", "deleted")


class TwilioVoice(TwilioAdapter):
    """Twilio, "TwiML for Programmable Voice" (request parameters), "Call resource" (StatusCallback), "Recordings
    resource" (recordingStatusCallback) and "TwiML Voice: Record" (transcribeCallback)."""

    provider = "twilio_voice"
    title = "Twilio Voice"
    channel = Channel.voice
    delivers = ("calls",)
    limits = (
        "settings.twiml answers an incoming call (say, with <Dial> or <Record>); without it the call ends at once.",
        "The legs of a call (<Dial>) are not calls of their own.",
        "Twilio does not say when an incoming call began; the time of receipt stands in.",
    )

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = fields_of(request)
        if not fields.get("CallSid"):
            return [Ignored("no call: another Twilio product")]
        if fields.get("ParentCallSid") and fields.get("Direction") == "outbound-dial":
            return [Ignored("a leg of another call")]
        return [_call(fields, source.default_region)]

    def respond(self, request: WebhookRequest, source: SourceConfig) -> Answer:
        twiml = source.settings.get("twiml")
        fields = fields_of(request)
        # Only the first request of a call asks what to do; what a verb in the answer led to must not start over.
        incoming = fields.get("CallStatus") == "ringing" and fields.get("Direction") == "inbound"
        if not twiml or not incoming or "CallbackSource" in fields:
            return self.answer
        return Answer(content_type="text/xml", body=str(twiml).encode())


def _call(fields: Fields, region: str | None) -> InboundMessage:
    caller, called = (Address(IdentifierKind.phone, fields.get(end, "")) for end in ("From", "To"))
    outbound = fields.get("Direction", "").startswith("outbound")
    duration_s = _seconds(fields.get("CallDuration", ""))
    return InboundMessage(
        channel=Channel.voice,
        kind=InteractionKind.call,
        external_id=fields["CallSid"],
        occurred_at=_began(fields.get("Timestamp", ""), duration_s),
        **ends([caller], [called], region=region, name=fields.get("CallerName"), outbound=outbound),
        text=fields.get("TranscriptionText", ""),
        duration_s=duration_s,
        grows=True,
        attachments=tuple(_recording(fields)),
        attributes={
            name: told for field, name in _ATTRIBUTES.items() if (told := fields.get(field, "0")) not in _NOTHING
        },
    )


def _recording(fields: Fields) -> Iterator[Attachment]:
    url = fields.get("RecordingUrl")
    if url and fields.get("RecordingStatus") not in _WITHOUT_RECORDING:
        # Without an ending Twilio gives WAV, five times as large.
        yield Attachment(
            name=None, content_type="audio/mpeg", url=f"{url}.mp3", provider_id=fields.get("RecordingSid") or None
        )


def _seconds(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) <= _MOST_DIGITS else None


def _began(written: str, duration_s: int | None) -> datetime | None:
    """Twilio tells when a stage was reached; the last one comes with the time since the call was answered."""
    reached = mail_date(written) if written else None
    return reached - timedelta(seconds=duration_s or 0) if reached else None

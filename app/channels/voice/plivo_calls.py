"""What Plivo tells of a call ("Call Status Webhooks"), stage by stage."""

from collections.abc import Mapping

from app.channels.parties import ends, number
from app.messages import Channel, InboundMessage, InteractionKind

_ATTRIBUTES = {"CallStatus": "status", "Event": "stage", "HangupCause": "hangup_cause"}


def call(fields: Mapping[str, str], region: str | None) -> InboundMessage:
    caller, called = number(fields.get("From", "")), number(fields.get("To", ""))
    duration = fields.get("Duration", "")
    return InboundMessage(
        channel=Channel.voice,
        kind=InteractionKind.call,
        external_id=fields["CallUUID"],
        **ends([caller], [called], region=region, outbound=fields.get("Direction") == "outbound"),
        duration_s=int(duration) if duration.isdecimal() and len(duration) < 9 else None,
        grows=True,
        attributes={name: fields[field] for field, name in _ATTRIBUTES.items() if fields.get(field)},
    )

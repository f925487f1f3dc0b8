"""What Plivo tells of a call ("Call Status Webhooks"), stage by stage."""

from collections.abc import Mapping

from app.channels.parties import identify, number, party
from app.messages import Channel, Direction, InboundMessage, InteractionKind

_ATTRIBUTES = {"CallStatus": "status", "Event": "stage", "HangupCause": "hangup_cause"}


def call(fields: Mapping[str, str], region: str | None) -> InboundMessage:
    caller, called = number(fields.get("From", "")), number(fields.get("To", ""))
    outbound = fields.get("Direction") == "outbound"
    duration = fields.get("Duration", "")
    return InboundMessage(
        channel=Channel.voice,
        kind=InteractionKind.call,
        external_id=fields["CallUUID"],
        sender=party(caller, region=region),
        recipient=party(called, region=region),
        identifiers=identify([called if outbound else caller], region=region),
        direction=Direction.outbound if outbound else Direction.inbound,
        duration_s=int(duration) if duration.isdecimal() and len(duration) < 9 else None,
        grows=True,
        attributes={name: fields[field] for field, name in _ATTRIBUTES.items() if fields.get(field)},
    )

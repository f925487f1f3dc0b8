"""Amazon SNS by itself: whatever our own programs publish to a topic."""

from collections.abc import Sequence

from app.channels.base import SourceConfig
from app.channels.sns import Notification, SnsAdapter
from app.channels.web.payload import SHAPE, to_message
from app.messages import Channel, Inbound


class AwsSns(SnsAdapter):
    """Amazon SNS, "Parsing Amazon SNS message formats"; the message in it is the publisher's own."""

    provider = "aws_sns"
    title = "Amazon SNS"
    channel = Channel.app
    limits = (*SnsAdapter.limits, f"A message that is a JSON object is read as a payload. {SHAPE}")

    def translate(self, notification: Notification, source: SourceConfig) -> Sequence[Inbound]:
        payload = notification.document()
        return [
            to_message(
                {"text": notification.message} if payload is None else payload,
                external_id=notification.message_id,
                region=source.default_region,
                occurred_at=notification.published_at,
                subject=notification.subject or None,
                attributes={"event": {"topic": notification.topic}},
            )
        ]

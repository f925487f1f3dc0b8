"""What mail providers tell of sent mail: of each, which of its words means what."""

from collections.abc import Mapping
from datetime import datetime

from app.channels.digests import bounded
from app.channels.parties import identify_one
from app.messages import DeliveryReceipt, IdentifierKind, Ignored, Inbound, ReceiptEvent


def receipt(
    outcomes: Mapping[str, ReceiptEvent],
    event: str,
    *,
    message_id: str,
    recipient: str,
    occurred_at: datetime | None,
    error_code: str = "",
) -> Inbound:
    """Nothing where the word is not among the `outcomes`, or no message is named."""
    outcome = outcomes.get(event)
    message_id = message_id.strip(" <>")
    if outcome is None or not message_id:
        return Ignored(f"event {event}"[:100])
    return DeliveryReceipt(
        external_id=bounded(message_id),
        event=outcome,
        occurred_at=occurred_at,
        recipient=identify_one(IdentifierKind.email, recipient),
        error_code=error_code or None,
    )

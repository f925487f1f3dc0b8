"""Infobip: received messages and delivery reports, many in one request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from app.channels import documents, media, networks, signatures, times
from app.channels.base import Adapter, Fetching, Refused, SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, section, sections, text, whole
from app.channels.parties import ends
from app.channels.sms.infobip_content import content
from app.messages import Attachment, Channel, DeliveryReceipt, Ignored, Inbound, InboundMessage, ReceiptEvent

_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_EVENTS = {
    "DELIVERED": ReceiptEvent.delivered,
    "UNDELIVERABLE": ReceiptEvent.failed,
    "EXPIRED": ReceiptEvent.failed,
    "REJECTED": ReceiptEvent.failed,
}
_ATTRIBUTES = {"keyword": "keyword", "callbackData": "callback_data", "campaignReferenceId": "campaign"}


class Infobip(Adapter):
    """Infobip, "Receive inbound SMS messages" (MO_JSON_2), "Receive outbound SMS message reports" and the subscription
    formats of the Messages API."""

    provider = "infobip"
    title = "Infobip SMS and MMS"
    channel = Channel.sms
    schemes: ClassVar = {"basic": ("username", "password"), "infobip_hmac": ("secret_key",)}
    optional_credentials = ("api_key",)
    delivers = ("messages", "receipts")
    limits = (
        "How Infobip writes its HMAC depends on the profile: settings.hmac_header, hmac_prefix, hmac_algorithm and "
        "hmac_encoding (hex or base64) say it; unless told, X-Hub-Signature: SHA256=<hex>.",
        "Pictures and files are read with an api_key.",
    )
    media_hosts = (".infobip.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        results = sections(documents.read(request.body), "results")
        return [_inbound(result, source.default_region) for result in results] or [Ignored("no message")]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        return media.fetch(attachment, media.authorization("App", source.credentials.get("api_key")))


def _check_hmac(request: WebhookRequest, source: SourceConfig) -> None:
    secret, settings = signatures.credential(source, "secret_key"), source.settings
    algorithm = str(settings.get("hmac_algorithm") or "sha256").lower().replace("-", "")
    if algorithm not in _HASHES:
        raise Refused("there is no such algorithm")
    given = request.headers.get(str(settings.get("hmac_header") or "X-Hub-Signature").lower(), "").strip()
    prefix = str(settings.get("hmac_prefix", f"{algorithm}="))
    if given[: len(prefix)].lower() == prefix.lower():
        given = given[len(prefix) :]
    if settings.get("hmac_encoding") == "base64":
        signatures.hmac_base64(secret, [request.body], given, algorithm)
    else:
        signatures.hmac_hex(secret, request.body, given, algorithm)


def _inbound(result: Document, region: str | None) -> Inbound:
    if "seenAt" in result or "status" in result:
        return _receipt(result, region)
    if "text" in result or "content" in result or text(result, "event") == "MO":
        return _message(result, region)
    return Ignored(f"event {text(result, 'event')}".strip())


def _message(result: Document, region: str | None) -> InboundMessage:
    network, said = text(result, "channel") or "SMS", content(result)
    senders = networks.addresses(network, text(result, "from") or text(result, "sender"))
    recipients = networks.addresses(network, text(result, "to") or text(result, "destination"))
    answered = text(result, "pairedMessageId")
    return InboundMessage(
        channel=networks.channel(network),
        external_id=needed(result, "messageId"),
        occurred_at=times.iso_if_told(text(result, "receivedAt")),
        **ends(senders, recipients, region=region, name=text(section(result, "contact"), "name")),
        text=said.text,
        references=(answered,) if answered else (),
        attachments=said.attachments,
        attributes={**said.attributes, **dict(_attributes(result))},
    )


def _attributes(result: Document) -> Iterator[tuple[str, Any]]:
    for field, name in _ATTRIBUTES.items():
        if result.get(field):
            yield name, result[field]
    if segments := whole(result, "smsCount") or whole(result, "messageCount"):
        yield "segments", segments


def _receipt(result: Document, region: str | None) -> Inbound:
    status, error = section(result, "status"), section(result, "error")
    event = ReceiptEvent.read if "seenAt" in result else _EVENTS.get(text(status, "groupName").upper())
    if event is None:
        return Ignored(f"status {text(status, 'name') or text(status, 'groupName')}")
    # An error numbered 0 says that there was none; then the status tells why.
    told = error if error.get("id") else status
    network, recipient = text(result, "channel") or "SMS", text(result, "to") or text(result, "destination")
    return DeliveryReceipt(
        external_id=needed(result, "messageId"),
        event=event,
        occurred_at=times.iso_if_told(text(result, "seenAt") or text(result, "doneAt")),
        recipient=networks.identify_one(network, recipient, region),
        error_code=text(told, "name") or None if event is ReceiptEvent.failed else None,
    )


_CHECKS: Mapping[str, signatures.Check] = {"basic": signatures.check_basic, "infobip_hmac": _check_hmac}

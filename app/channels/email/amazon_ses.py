"""Amazon SES: received mail, whole or kept in a bucket, and what became of sent mail; told through Amazon SNS."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from app.channels import signatures, times
from app.channels.aws_signature import AwsKey, signed_headers
from app.channels.base import Fetching, FetchRequest, SourceConfig, Unreadable
from app.channels.documents import Document, needed, section, sections, text, texts
from app.channels.email import mime
from app.channels.email.amazon_ses_events import receipts
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, to_inbound, to_message
from app.channels.sns import Notification, SnsAdapter
from app.messages import Channel, Ignored, Inbound, InboundMessage

_COMMON = {"date": "Date", "subject": "Subject", "messageId": "Message-ID"}
_COMMON_LISTS = {"from": "From", "to": "To", "cc": "Cc", "replyTo": "Reply-To"}
_VERDICTS = {"spamVerdict": "spam", "virusVerdict": "virus"}
_KEY = ("access_key_id", "secret_access_key")
_ENCRYPTED = "x-amz-meta-x-amz-key-v2"


class AmazonSes(SnsAdapter):
    """Amazon SES, "Notification contents for Amazon SES email receiving" and "Examples of event data"."""

    provider = "amazon_ses"
    title = "Amazon SES"
    channel = Channel.email
    optional_credentials = _KEY
    delivers = ("messages", "receipts")
    limits = (
        *SnsAdapter.limits,
        "The SNS action carries mails up to 150 KB, larger ones bounce; its UTF-8 encoding destroys other charsets.",
        "Mail kept in S3 is fetched with the access key, from the topic's region unless settings.s3_region names one; "
        "mail that SES encrypted (KMS) cannot be read.",
    )

    def translate(self, notification: Notification, source: SourceConfig) -> Sequence[Inbound]:
        told = notification.document()
        if told is None:
            return [Ignored("plain text")]
        kind = text(told, "notificationType") or text(told, "eventType")
        if kind == "Received":
            return _received(told)
        return list(receipts(kind, told)) or [Ignored(f"event {kind}")]

    def fetch_message(self, message: InboundMessage, source: SourceConfig) -> Fetching[InboundMessage]:
        kept = message.attributes["s3"]
        key = AwsKey(*(signatures.credential(source, name) for name in _KEY))
        region = str(source.settings.get("s3_region") or kept["region"])
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        # The bucket stands in the path: older buckets have names that no host can have.
        url = f"https://s3.{region}.{domain}/{quote(kept['bucket'], safe='')}/{quote(kept['key'], safe='/')}"
        response = yield FetchRequest(
            url, headers_at=lambda at: signed_headers(key, url, region=region, service="s3", at=at)
        )
        if _ENCRYPTED in response.headers:
            raise Unreadable("the mail is encrypted with a key of KMS")
        return _whole(message, response.body)


def _received(told: Document) -> list[Inbound]:
    mail, receipt = section(told, "mail"), section(told, "receipt")
    action, recipients = section(receipt, "action"), texts(receipt, "recipients") or texts(mail, "destination")
    content = _content(told, action)
    pointed = content is None and text(action, "type") == "S3"
    read = _mail(mail) if content is None else mime.read(content)
    found = to_inbound(
        replace(read, sent_at=times.iso_if_told(text(mail, "timestamp"))),
        external_id=needed(mail, "messageId"),
        recipient=recipients[0] if recipients else "",
        envelope_from=text(mail, "source") if "source" in mail else None,
        attributes=dict(_attributes(receipt, action, recipients, pointed)),
    )
    return [replace(each, incomplete=pointed) if isinstance(each, InboundMessage) else each for each in found]


def _content(told: Document, action: Document) -> bytes | None:
    content = text(told, "content")
    if not content:
        return None
    if text(action, "encoding").upper() != "BASE64":
        return content.encode()
    try:
        return base64.b64decode(content)
    except ValueError as error:
        raise Unreadable("the content is not in base64") from error


def _mail(mail: Document) -> Mail:
    """A mail that is elsewhere: what its headers say."""
    common = section(mail, "commonHeaders")
    headers = Headers(
        [
            *((text(header, "name"), text(header, "value")) for header in sections(mail, "headers")),
            *((header, text(common, name)) for name, header in _COMMON.items()),
            *((header, ", ".join(texts(common, name))) for name, header in _COMMON_LISTS.items()),
        ]
    )
    return Mail(headers=headers, sender=headers.sender, text="")


def _whole(message: InboundMessage, raw: bytes) -> InboundMessage:
    whole = to_message(
        mime.read(raw),
        external_id=message.external_id,
        recipient=message.recipient.value if message.recipient else "",
        envelope_from=message.attributes.get("envelope_from"),
        attributes={name: value for name, value in message.attributes.items() if name != "s3"},
    )
    return replace(whole, occurred_at=whole.occurred_at or message.occurred_at)


def _attributes(
    receipt: Document, action: Document, recipients: Sequence[str], pointed: bool
) -> Iterator[tuple[str, Any]]:
    for verdict, name in _VERDICTS.items():
        if text(section(receipt, verdict), "status") == "FAIL":
            yield name, True
    if len(recipients) > 1:
        yield "recipients", list(recipients)
    if pointed:
        region = text(action, "topicArn").split(":")[3:4] or [""]
        yield "s3", {"bucket": text(action, "bucketName"), "key": text(action, "objectKey"), "region": region[0]}

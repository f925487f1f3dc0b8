"""Amazon SNS: the envelope in which Amazon's other services deliver, and how it proves itself."""

import base64
import json
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from app.channels import documents, signatures, times
from app.channels.base import Adapter, Refused, SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, text
from app.messages import Confirmation, Ignored, Inbound

_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_VERSIONS = {"aws_sns": ("1", "2"), "aws_sns_v1": ("1",), "aws_sns_v2": ("2",)}
_HOST = r"https://sns\.[a-z0-9-]{3,40}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE_URL = re.compile(_HOST + r"/[A-Za-z0-9._-]+\.pem")
_SUBSCRIBE_URL = re.compile(_HOST + r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class Notification:
    """What a service published to a topic."""

    message_id: str
    """The same for every attempt to deliver it."""
    topic: str
    subject: str
    message: str
    published_at: datetime

    def document(self) -> Document | None:
        """The message as an object; None where it is plain text."""
        return documents.read(self.message.encode()) if self.message.lstrip().startswith("{") else None


class SnsAdapter(Adapter):
    """Amazon SNS, "Parsing Amazon SNS message formats" and "Verifying the signatures of Amazon SNS messages"."""

    schemes: ClassVar = dict.fromkeys(_VERSIONS, ("topic_arn",))
    body_signed = True
    limits: ClassVar[tuple[str, ...]] = (
        "A signature proves Amazon, not the account: only the topics named in topic_arn (several: with commas between "
        "them) are heard, and only their subscriptions are confirmed.",
        "Raw message delivery must be off: without its envelope a notification carries no proof.",
    )
    media_hosts = (".amazonaws.com", ".amazonaws.com.cn")

    def resources(self, request: WebhookRequest) -> Sequence[str]:
        try:
            url = _signed_values(request).get("SigningCertURL", "")
        except Refused:
            return ()
        return (url,) if _CERTIFICATE_URL.fullmatch(url) else ()

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        topics = [topic.strip() for topic in signatures.credential(source, "topic_arn").split(",")]
        values = _signed_values(request)
        if values.get("SignatureVersion") not in _VERSIONS.get(self.scheme(source), ()):
            raise Refused("the source does not take this signature version")
        certificate = request.resources.get(values.get("SigningCertURL", ""))
        if certificate is None or not _CERTIFICATE_URL.fullmatch(values["SigningCertURL"]):
            raise Refused("the certificate is not Amazon's or could not be had")
        _verify_signature(_public_key(certificate), values)
        if not any(signatures.same(values.get("TopicArn", ""), topic) for topic in topics):
            raise Refused("another topic")
        for header, name in (("x-amz-sns-message-type", "Type"), ("x-amz-sns-message-id", "MessageId")):
            if request.headers.get(header) != values.get(name):
                raise Refused(f"{header} is not that of the body")

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        envelope = documents.read(request.body)
        kind, url = text(envelope, "Type"), text(envelope, "SubscribeURL")
        if kind == "SubscriptionConfirmation" and _SUBSCRIBE_URL.fullmatch(url):
            return [Confirmation(url)]
        if kind != "Notification":
            return [Ignored(kind or "no SNS message")]
        return self.translate(_notification(envelope), source)

    @abstractmethod
    def translate(self, notification: Notification, source: SourceConfig) -> Sequence[Inbound]:
        """What the publishing service says."""


def _notification(envelope: Document) -> Notification:
    return Notification(
        message_id=needed(envelope, "MessageId"),
        topic=text(envelope, "TopicArn"),
        subject=text(envelope, "Subject"),
        message=text(envelope, "Message"),
        published_at=times.iso(text(envelope, "Timestamp")),
    )


def _signed_values(request: WebhookRequest) -> Mapping[str, str]:
    """The texts of the envelope exactly as Amazon signed them: uncleaned."""
    try:
        envelope = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused("no SNS message") from error
    if not isinstance(envelope, dict):
        raise Refused("no SNS message")
    return {name: value for name, value in envelope.items() if isinstance(value, str)}


def _verify_signature(public_key: RSAPublicKey, values: Mapping[str, str]) -> None:
    names = _SIGNED.get(values.get("Type", ""))
    if names is None:
        raise Refused("no SNS message")
    signed = "".join(f"{name}\n{values[name]}\n" for name in names if name in values)
    algorithm = SHA256() if values["SignatureVersion"] == "2" else SHA1()  # noqa: S303 - version 1 is SHA-1
    try:
        signature = base64.b64decode(values.get("Signature", ""), validate=True)
        public_key.verify(signature, signed.encode(), PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature) as error:
        raise Refused("signature missing or wrong") from error


@lru_cache(maxsize=64)
def _public_key(certificate: bytes) -> RSAPublicKey:
    """Reading a certificate costs more than verifying with it, and a region has one for years."""
    try:
        public_key = x509.load_pem_x509_certificate(certificate).public_key()
    except Exception as error:  # the parser raises whatever it likes
        raise Refused("the certificate cannot be read") from error
    if not isinstance(public_key, RSAPublicKey):
        raise Refused("the certificate holds no RSA key")
    return public_key

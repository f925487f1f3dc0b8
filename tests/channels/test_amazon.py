from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, random_serial_number

from app.channels.aws_signature import AwsKey, signed_headers
from app.channels.base import FetchRequest, FetchResponse, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.registry import ADAPTERS
from app.channels.sns import SnsAdapter
from app.messages import InboundMessage
from tests.channels.samples import converse, message, sample

SNS = ADAPTERS["aws_sns"]
SES = ADAPTERS["amazon_ses"]
# Published with the documentation of Signature Version 4 for Amazon S3.
KEY = AwsKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
DAY = datetime(2013, 5, 24, tzinfo=UTC)
HEADERS = {"content-type": "application/octet-stream"}


def notification(case: str = "plain_text") -> WebhookRequest:
    return sample("aws_sns", case).request()


def with_certificate(request: WebhookRequest, certificate: bytes) -> WebhookRequest:
    return replace(request, resources=dict.fromkeys(request.resources, certificate))


def other_kind_of_certificate() -> bytes:
    """Signed and in order, but made for another kind of signature."""
    key, name, moment = Ed25519PrivateKey.generate(), Name([]), datetime(2026, 1, 1, tzinfo=UTC)
    builder = CertificateBuilder(name, name, key.public_key(), random_serial_number(), moment, moment)
    return builder.sign(key, None).public_bytes(Encoding.PEM)


def test_the_certificate_is_named_before_anything_is_proven() -> None:
    (url,) = SNS.resources(notification())

    assert url.startswith("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-")


@pytest.mark.parametrize("case", ["certificate_elsewhere", "certificate_over_http", "certificate_in_query"])
def test_a_certificate_elsewhere_is_not_asked_for(case: str) -> None:
    assert SNS.resources(notification(case)) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-central-1.amazonaws.com:444/a.pem",
        "https://user@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com\\\\@attacker.example/a.pem",
        "https://attacker.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a/../b.pem",
        "https://sns.eu-central-1.amazonaws.com/a.pem\\n",
        "https://sqs.eu-central-1.amazonaws.com/a.pem",
        "https://sns..amazonaws.com/a.pem",
    ],
)
def test_look_alikes_of_a_certificate_are_not_asked_for(url: str) -> None:
    body = b'{"SigningCertURL":"' + url.encode() + b'"}'

    assert SNS.resources(replace(notification(), body=body)) == ()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b'{"SigningCertURL":7}', b"[" * 100_000])
def test_junk_asks_for_nothing_and_is_refused(body: bytes) -> None:
    junk = replace(notification(), body=body)

    assert SNS.resources(junk) == ()
    with pytest.raises(Refused):
        SNS.verify(junk, sample("aws_sns", "plain_text").source())


@pytest.mark.parametrize("certificate", [b"", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_a_certificate_nobody_can_read_is_refused(certificate: bytes) -> None:
    with pytest.raises(Refused):
        SNS.verify(with_certificate(notification(), certificate), sample("aws_sns", "plain_text").source())


def test_a_certificate_without_rsa_key_is_refused() -> None:
    with pytest.raises(Refused):
        SNS.verify(
            with_certificate(notification(), other_kind_of_certificate()), sample("aws_sns", "plain_text").source()
        )


def test_every_host_asked_is_amazons() -> None:
    assert all(host.startswith(".amazonaws.com") for host in SnsAdapter.media_hosts)


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_requests_to_s3_are_signed_as_published(query: str, signature: str) -> None:
    url = f"https://examplebucket.s3.amazonaws.com/?{query}"
    signed = signed_headers(KEY, url, region="us-east-1", service="s3", at=DAY)

    assert signed["authorization"].endswith(f"Signature={signature}")


def pointer() -> InboundMessage:
    return message("amazon_ses", "received_in_bucket")


def source(**settings: str) -> SourceConfig:
    return SourceConfig("mail", {"access_key_id": KEY.key_id, "secret_access_key": KEY.secret}, settings)


def test_a_mail_in_a_bucket_is_fetched_and_completed() -> None:
    pointed = pointer()
    raw = b"From: dariush@mail.example\r\nMessage-ID: <nowruz-1@mail.example>\r\nSubject: Hi\r\n\r\nAll of it"
    (request,), whole = converse(SES.fetch_message(pointed, source()), raw)

    assert request.url == (
        "https://s3.eu-central-1.amazonaws.com/Mail.Keep_Private/in/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
    )
    assert request.headers_at
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-central-1/s3/" in request.headers_at(DAY)["authorization"]
    assert (whole.external_id, whole.recipient) == (pointed.external_id, pointed.recipient)
    assert (whole.text.strip(), whole.subject, whole.incomplete) == ("All of it", "Hi", False)
    assert whole.occurred_at == pointed.occurred_at, "the mail has no date of its own"
    assert "s3" not in whole.attributes


def test_the_bucket_may_be_in_another_region() -> None:
    request: FetchRequest = next(SES.fetch_message(pointer(), source(s3_region="cn-north-1")))

    assert request.url.startswith("https://s3.cn-north-1.amazonaws.com.cn/")


def test_an_encrypted_mail_is_not_taken_for_text() -> None:
    conversation = SES.fetch_message(pointer(), source())
    next(conversation)

    with pytest.raises(Unreadable):
        conversation.send(FetchResponse({**HEADERS, "x-amz-meta-x-amz-key-v2": "AQ=="}, b"\x00"))


def test_without_the_access_key_nothing_is_fetched() -> None:
    with pytest.raises(Refused):
        next(SES.fetch_message(pointer(), SourceConfig("mail")))

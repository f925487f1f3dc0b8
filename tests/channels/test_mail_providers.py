"""What mail providers have of their own: letters, large forms, mails and files that are fetched."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.channels import standard_webhooks
from app.channels.base import Refused, SourceConfig, WebhookRequest
from app.channels.email.raw_mime import WrongMediaType
from app.channels.registry import ADAPTERS
from app.messages import Attachment, DeliveryReceipt, InboundMessage, ReceiptEvent
from tests.channels.samples import Sample, converse, message, sample

RESEND = SourceConfig("sample", {"signing_secret": "whsec_x", "api_key": "re_key"})


class TestResend:
    TOLD: Mapping[str, object] = {
        "object": "email",
        "id": "56761188-0000-4111-8222-ff6fc54ce618",
        "from": "negar@kunde.example",
        "to": ["office@in.onefile.example"],
        "created_at": "2026-04-02 09:00:04.894719+00",
        "subject": "پرسش",
        "message_id": "<rs-1@kunde.example>",
        "headers": {"in-reply-to": "<out-1@onefile.example>", "received": ["a", "b"]},
        "text": "سلام\n\n> قبلی\n",
        "html": "<p>سلام</p><script>x()</script>",
        "attachments": [{"id": "a1", "filename": "plan.png", "content_type": "image/png", "content_id": "img001"}],
    }

    def test_a_mail_is_completed_from_its_bytes(self) -> None:
        told = {**self.TOLD, "raw": {"download_url": "https://inbound-cdn.resend.com/raw?sig=1"}}
        raw = (
            b"From: Negar <negar@kunde.example>\nDate: Thu, 2 Apr 2026 10:59:00 +0200\nAuto-Submitted: auto-replied\n"
            b"Message-ID: <rs-1@kunde.example>\n\nhello\n"
        )
        pointer = message("resend", "received")

        asked, whole = converse(ADAPTERS["resend"].fetch_message(pointer, RESEND), json.dumps(told).encode(), raw)

        assert [(request.url, dict(request.headers)) for request in asked] == [
            (
                "https://api.resend.com/emails/receiving/56761188-0000-4111-8222-ff6fc54ce618?html_format=cid",
                {"Authorization": "Bearer re_key"},
            ),
            ("https://inbound-cdn.resend.com/raw?sig=1", {}),
        ]
        assert (whole.external_id, whole.message_id) == (pointer.external_id, pointer.message_id)
        assert (whole.text, whole.automatic, whole.incomplete) == ("hello", True, False)
        assert whole.recipient == pointer.recipient

    def test_without_its_bytes_a_mail_is_completed_from_what_is_told(self) -> None:
        pointer = message("resend", "received")

        _, whole = converse(ADAPTERS["resend"].fetch_message(pointer, RESEND), json.dumps(self.TOLD).encode())

        assert (whole.html, whole.references) == ("<p>سلام</p>", ("out-1@onefile.example",))
        assert whole.text.startswith("سلام")
        assert [file.content_id for file in whole.attachments] == ["img001"]
        assert whole.occurred_at == pointer.occurred_at

    def test_headers_may_be_told_as_a_list(self) -> None:
        told = {**self.TOLD, "headers": [{"name": "List-Id", "value": "<l.kunde.example>"}], "attachments": None}

        _, whole = converse(
            ADAPTERS["resend"].fetch_message(message("resend", "received"), RESEND), json.dumps(told).encode()
        )

        assert whole.automatic

    def test_a_file_is_found_then_fetched(self) -> None:
        (picture,) = message("resend", "received").attachments
        told = b'{"download_url":"https://inbound-cdn.resend.com/file?sig=2"}'

        asked, fetched = converse(ADAPTERS["resend"].fetch_media(picture, RESEND), told, b"\x89PNG")

        assert [request.url for request in asked] == [picture.url, "https://inbound-cdn.resend.com/file?sig=2"]
        assert asked[0].headers == {"Authorization": "Bearer re_key"}
        assert asked[1].headers == {}
        assert (fetched.content, fetched.url) == (b"\x89PNG", picture.url)

    def test_without_a_key_nothing_is_fetched(self) -> None:
        with pytest.raises(Refused):
            next(ADAPTERS["resend"].fetch_message(message("resend", "received"), SourceConfig("sample")))


class TestBrevo:
    def test_a_file_is_fetched_with_its_token_and_the_key(self) -> None:
        each = sample("brevo", "two_with_files")
        _, mail = ADAPTERS["brevo"].parse(each.request(), each.source())
        assert isinstance(mail, InboundMessage)

        asked, fetched = converse(
            ADAPTERS["brevo"].fetch_media(mail.attachments[0], SourceConfig("sample", {"api_key": "xkeysib"})), b"%PDF"
        )

        assert [(request.url, dict(request.headers)) for request in asked] == [
            ("https://api.brevo.com/v3/inbound/attachments/tok%2Fen%2B1", {"api-key": "xkeysib"})
        ]
        assert (fetched.name, fetched.content) == ("رسید.pdf", b"%PDF")

    def test_without_a_key_nothing_is_fetched(self) -> None:
        with pytest.raises(Refused):
            next(
                ADAPTERS["brevo"].fetch_media(Attachment(None, "a/b", url="https://x.example"), SourceConfig("sample"))
            )


class TestSendGrid:
    def test_a_mail_in_a_field_of_more_than_a_megabyte_is_read(self) -> None:
        file = base64.encodebytes(bytes(range(256)) * 8_000)
        large = (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nlarge\r\n--b\r\nContent-Type: image/x\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + file + b"\r\n--b--\r\n"
        )
        each = sample("sendgrid", "raw_mime")
        body = each.body.replace(b"Content-Type: multipart/alternative; boundary=z", large)

        (mail,) = ADAPTERS["sendgrid"].parse(replace(each.request(), body=body), each.source())

        assert isinstance(mail, InboundMessage)
        assert mail.text.startswith("large")
        assert [attachment.size for attachment in mail.attachments] == [2_048_000]

    def test_a_signature_is_good_for_ever_unless_the_source_says_otherwise(self) -> None:
        each = sample("sendgrid", "stale")
        ADAPTERS["sendgrid"].verify(each.request(), replace(each.source(), settings={}))

    def test_a_key_of_another_kind_proves_nothing(self) -> None:
        each = sample("sendgrid", "published_vector")
        ed25519 = base64.b64encode(
            bytes.fromhex("302a300506032b6570032100") + Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        ).decode()
        with pytest.raises(Refused):
            ADAPTERS["sendgrid"].verify(each.request(), replace(each.source(), credentials={"public_key": ed25519}))

    def test_a_second_delivery_of_a_mail_without_id_is_the_same(self) -> None:
        each = sample("sendgrid", "without_message_id")
        again = replace(each.request(), body=each.body.replace(b"oneFileBoundary", b"another"))
        again = replace(again, headers={"content-type": "multipart/form-data; boundary=another"})

        first, second = (ADAPTERS["sendgrid"].parse(request, each.source()) for request in (each.request(), again))
        assert first == second


class TestRawMime:
    def test_the_worker_and_the_pipe_do_not_stand_for_each_other(self) -> None:
        pipe, worker = sample("raw_mime", "flowed"), sample("raw_mime", "signed_by_worker")
        for each, other in ((pipe, worker), (worker, pipe)):
            with pytest.raises(Refused):
                ADAPTERS["raw_mime"].verify(each.request(), other.source())

    def test_a_scheme_nobody_knows_is_refused(self) -> None:
        each = sample("raw_mime", "flowed")
        for scheme in ("none", "path_secret"):
            with pytest.raises(Refused):
                ADAPTERS["raw_mime"].verify(each.request(), replace(each.source(), settings={"scheme": scheme}))

    def test_a_script_hears_of_the_wrong_media_type_and_no_more(self) -> None:
        adapter, each = ADAPTERS["raw_mime"], sample("raw_mime", "flowed")

        def answer(error: Exception) -> int:
            return adapter.complain(each.request(), each.source(), error).status

        assert (answer(WrongMediaType("x")), answer(ValueError("x")), adapter.answer.status) == (415, 204, 204)

    def test_one_mail_to_two_of_our_addresses_is_two_messages(self) -> None:
        each = sample("raw_mime", "flowed")
        other = replace(each.request(), headers={**each.request().headers, "x-envelope-to": "sales@in.onefile.example"})

        ids = {
            mail.external_id
            for request in (each.request(), other)
            for mail in ADAPTERS["raw_mime"].parse(request, each.source())
            if isinstance(mail, InboundMessage)
        }
        assert len(ids) == 2

    def test_a_bounce_names_the_mail_by_its_references_where_it_encloses_none(self) -> None:
        each = sample("raw_mime", "bounce_of_nothing")
        body = b"In-Reply-To: <out-4@onefile.example>\r\n" + each.body

        _, receipt = ADAPTERS["raw_mime"].parse(replace(each.request(), body=body), each.source())
        assert isinstance(receipt, DeliveryReceipt)
        assert (receipt.external_id, receipt.event) == ("out-4@onefile.example", ReceiptEvent.bounced)


class TestStandardWebhooks:
    @pytest.fixture
    def letter(self) -> Sample:
        return sample("resend", "received")

    @pytest.fixture
    def signed(self, letter: Sample) -> tuple[WebhookRequest, str]:
        """Signed with a private key, and the public one."""
        key, request = Ed25519PrivateKey.generate(), letter.request()
        signed = f"m1.{int(request.received_at.timestamp())}.".encode() + request.body
        headers = {
            "webhook-id": "m1",
            "webhook-timestamp": str(int(request.received_at.timestamp())),
            "webhook-signature": f"v1,AAAA v1a,{base64.b64encode(key.sign(signed)).decode()}",
        }
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        return replace(request, headers=headers), f"whpk_{public}"

    def test_a_private_key_signs_for_its_public_one(self, signed: tuple[WebhookRequest, str]) -> None:
        standard_webhooks.verify(signed[0], RESEND, signed[1])
        standard_webhooks.verify(signed[0], RESEND, signed[1].rstrip("="))

    @pytest.mark.parametrize("key", ["whpk_", "whpk_AAAA", "whsec_AAAA", f"whpk_{'A' * 44}", "whpk_é", "", "whsec_="])
    def test_no_other_key_passes(self, signed: tuple[WebhookRequest, str], key: str) -> None:
        with pytest.raises(Refused):
            standard_webhooks.verify(signed[0], RESEND, key)

    def test_another_body_is_refused(self, signed: tuple[WebhookRequest, str]) -> None:
        with pytest.raises(Refused):
            standard_webhooks.verify(replace(signed[0], body=signed[0].body + b" "), RESEND, signed[1])

    @pytest.mark.parametrize(
        "given", ["", " ", "v1", "v1,", ",", "v1a,x", "v1,\ud83d", "v1 , x", "v1,é", "v1," + "A" * 43 + "=", "v2,AAAA"]
    )
    def test_junk_is_no_signature(self, letter: Sample, given: str) -> None:
        request = letter.request()
        with pytest.raises(Refused):
            standard_webhooks.verify(
                replace(request, headers={**request.headers, "svix-signature": given}),
                RESEND,
                letter.source().credentials["signing_secret"],
                prefix="svix",
            )

    def test_an_id_the_database_cannot_hold_is_cleaned(self) -> None:
        each = sample("standard_webhooks", "message")
        request = replace(each.request(), headers={**each.request().headers, "webhook-id": "a\0b"})
        (event,) = ADAPTERS["standard_webhooks"].parse(request, each.source())
        assert isinstance(event, InboundMessage)
        assert event.external_id == "ab"

    def test_a_secret_may_lack_its_mark_and_its_padding(self, letter: Sample) -> None:
        secret = letter.source().credentials["signing_secret"].removeprefix("whsec_")
        for spelling in (secret, f"whsec_{secret}", f"whsec_{secret}=", f"whsec_{secret}=="):
            standard_webhooks.verify(letter.request(), RESEND, spelling, prefix="svix")

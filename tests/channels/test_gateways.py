"""What SMS gateways and gateways for many networks have of their own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.channels import networks, telnyx, tokens
from app.channels.base import FetchRequest, Refused, SourceConfig, WebhookRequest
from app.channels.parties import identify, number, party
from app.channels.registry import ADAPTERS
from app.channels.sms import user_data_header
from app.messages import Attachment, Channel, IdentifierKind, InboundMessage
from tests.channels.samples import converse, message, sample


def request_for_media(provider: str, credentials: Mapping[str, str], url: str) -> tuple[FetchRequest, Attachment]:
    """The one request a provider is asked for a file, and what becomes of its answer."""
    attachment = Attachment(None, "application/octet-stream", url=url)
    conversation = ADAPTERS[provider].fetch_media(attachment, SourceConfig("sample", credentials))
    (request,), whole = converse(conversation, b"\x89PNG")
    return request, whole


class TestVonage:
    def test_parts_of_one_message_name_each_other_in_any_order(self) -> None:
        second, first = message("vonage_sms", "second_part_first"), message("vonage_sms", "first_part")

        assert second.part
        assert first.part
        assert second.part.reference == first.part.reference
        assert (first.part.number, second.part.number, first.part.total) == (1, 2, 2)
        assert first.external_id != second.external_id

    @pytest.mark.parametrize("method", ["sha256hmac", "SHA256HMAC", "sha256"])
    def test_a_method_goes_by_its_names(self, method: str) -> None:
        each = sample("vonage_sms", "published_vector_sha256hmac")
        ADAPTERS["vonage_sms"].verify(each.request(), replace(each.source(), settings={"method": method}))

    @pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha512", "sha", "hmac", "md5hashhmac"])
    def test_no_other_method_passes(self, method: str) -> None:
        each = sample("vonage_sms", "published_vector_sha256hmac")
        with pytest.raises(Refused):
            ADAPTERS["vonage_sms"].verify(each.request(), replace(each.source(), settings={"method": method}))

    def test_files_are_asked_for_with_a_token_of_the_moment(self) -> None:
        key = generate_private_key(65_537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        url = "https://api-eu-1.nexmo.com/v3/media/5f0c"
        request, attachment = request_for_media("vonage_messages", {"application_id": "app-1", "private_key": pem}, url)

        assert request.headers_at
        moment = datetime(2026, 3, 21, 8, 30, tzinfo=UTC)
        token = request.headers_at(moment)["Authorization"].removeprefix("Bearer ")
        claimed = jwt.decode(token, key.public_key(), algorithms=["RS256"], options={"verify_exp": False})
        assert claimed["application_id"] == "app-1"
        assert claimed["iat"] == moment.timestamp() < claimed["exp"]
        assert (attachment.content, attachment.content_type) == (b"\x89PNG", "image/png")


class TestPlivo:
    def test_a_nonce_stands_for_one_content(self) -> None:
        each = sample("plivo", "sms")
        request, source, adapter = each.request(), each.source(), ADAPTERS["plivo"]
        other = replace(request, body=request.body.replace(b"Units=1", b"Units=9"))
        in_another_order = replace(request, body=b"&".join(reversed(request.body.split(b"&"))))
        with_a_query = replace(request, query=b"Text=pay+me", url=f"{request.url}?Text=pay+me")

        adapter.verify(other, source)  # the signature covers the URL and the nonce alone
        adapter.verify(with_a_query, source)
        assert adapter.nonce(request, source) == adapter.nonce(in_another_order, source)
        assert len({adapter.nonce(one, source) for one in (request, other, with_a_query)}) == 3

    def test_v3_needs_no_nonce_remembered(self) -> None:
        each = sample("plivo", "call_ringing")
        assert ADAPTERS["plivo"].nonce(each.request(), each.source()) is None

    @pytest.mark.parametrize("case", ["main_account", "call_ringing"])
    def test_the_main_account_may_sign(self, case: str) -> None:
        each = sample("plivo", case)
        credentials = {"auth_token": "the subaccount's", "main_auth_token": each.source().credentials["auth_token"]}
        ADAPTERS["plivo"].verify(each.request(), replace(each.source(), credentials=credentials))

    @pytest.mark.parametrize("query", ["z=1&a=3", "a=2", "z=1&a=2&b="])
    def test_v3_covers_the_query(self, query: str) -> None:
        each = sample("plivo", "call_ringing")
        url = each.request().url.partition("?")[0]
        with pytest.raises(Refused):
            ADAPTERS["plivo"].verify(replace(each.request(), url=f"{url}?{query}", query=query.encode()), each.source())

    def test_the_answer_sends_nothing_to_the_customer(self) -> None:
        answer = ADAPTERS["plivo"].answer
        assert (answer.content_type, answer.body) == ("text/xml", b"<Response/>")


class TestPanels:
    @pytest.fixture
    def pushed(self) -> WebhookRequest:
        return sample("melipayamak", "get").request()

    def external_id(self, request: WebhookRequest, **settings: object) -> str:
        (inbound,) = ADAPTERS["melipayamak"].parse(request, SourceConfig("sample", settings=settings))
        assert isinstance(inbound, InboundMessage)
        return inbound.external_id

    def test_a_second_try_is_the_same_message(self, pushed: WebhookRequest) -> None:
        again = replace(pushed, received_at=pushed.received_at + timedelta(seconds=20))
        assert self.external_id(pushed) == self.external_id(again)

    def test_the_same_words_later_are_another_message(self, pushed: WebhookRequest) -> None:
        later = replace(pushed, received_at=pushed.received_at + timedelta(minutes=10))
        assert self.external_id(pushed) != self.external_id(later)
        assert self.external_id(pushed, window_s=86_400) == self.external_id(later, window_s=86_400)

    @pytest.mark.parametrize(("said", "instead"), [(b"from=9", b"from=8"), (b"to=5", b"to=6"), (b"text=", b"text=a")])
    def test_other_words_are_another_message(self, pushed: WebhookRequest, said: bytes, instead: bytes) -> None:
        assert self.external_id(pushed) != self.external_id(replace(pushed, query=pushed.query.replace(said, instead)))


@pytest.mark.parametrize(
    ("provider", "credentials", "url", "authorization"),
    [
        ("infobip", {"api_key": "k-1"}, "https://x1.api.infobip.com/media/1", "App k-1"),
        ("infobip", {}, "https://x1.api.infobip.com/media/1", None),
        ("messagebird", {"access_key": "k-2"}, "https://media.nest.messagebird.com/w/1/m/2", "AccessKey k-2"),
        ("plivo", {"auth_id": "MA", "auth_token": "t"}, "https://media.plivo.com/v1/Media/1", "Basic TUE6dA=="),
        ("plivo", {"auth_token": "t"}, "https://media.plivo.com/v1/Media/1", None),
        ("vonage_messages", {}, "https://api-eu-1.nexmo.com/v3/media/5f0c", None),
    ],
)
def test_files_are_asked_for_with_the_accounts_key(
    provider: str, credentials: Mapping[str, str], url: str, authorization: str | None
) -> None:
    request, attachment = request_for_media(provider, credentials, url)

    assert (request.url, request.headers.get("Authorization")) == (url, authorization)
    assert (attachment.content, attachment.size, attachment.content_type) == (b"\x89PNG", 4, "image/png")


def test_telnyx_tells_stop_and_start_where_it_looks_after_them() -> None:
    told = {case: message("telnyx_sms", case).opt_out for case in ("keyword_stop", "keyword_start", "sms")}
    assert told == {"keyword_stop": True, "keyword_start": False, "sms": None}


def test_telnyx_products_share_one_envelope() -> None:
    event = telnyx.read(sample("telnyx_sms", "sms").request())

    assert event.kind == "message.received"
    assert event.occurred_at == datetime(2026, 3, 21, 8, 29, 58, 250_000, UTC)
    assert event.payload["direction"] == "inbound"


def test_messagebird_reads_no_other_query_than_the_signed() -> None:
    each = sample("messagebird", "status_delivered")
    forged = replace(each.request(), query=b"id=1&status=delivered&recipient=31600000000")
    with pytest.raises(Refused):
        ADAPTERS["messagebird"].verify(forged, each.source())


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("0500034d0302", ("x:4d", 2, 3)),
        ("06080401f40302", ("x:01f4", 2, 3)),
        ("0b05040b8423f00003ff0501", ("x:ff", 1, 5)),
        ("050003010101", None),
        ("0500034d0203", None),
        ("0500034d0200", None),
        ("0500034d03", None),
        ("0500", None),
        ("", None),
        ("ff" * 140, None),
    ],
)
def test_a_header_tells_which_part_it_is(header: str, part: tuple[str, int, int] | None) -> None:
    found = user_data_header.part(bytes.fromhex(header), "x")
    assert (found and (found.reference, found.number, found.total)) == part


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("989351112233", "+989351112233"),
        ("12010000000", "+12010000000"),
        ("+989351112233", "+989351112233"),
        ("60022", None),
        ("12345678", None),
        ("00", None),
        ("Bank", None),
        ("", None),
    ],
)
def test_a_number_without_its_plus(raw: str, canonical: str | None) -> None:
    assert [identifier.value for identifier in identify([number(raw)])] == ([canonical] if canonical else [])
    written = party(number(raw))
    assert written is None or written.value == (canonical or raw)


@pytest.mark.parametrize(
    ("name", "channel", "kinds"),
    [
        ("sms", Channel.sms, [IdentifierKind.phone]),
        ("MMS", Channel.sms, [IdentifierKind.phone]),
        ("viber_service", Channel.chat, [IdentifierKind.phone]),
        ("VIBER_BM", Channel.chat, [IdentifierKind.phone]),
        ("WHATSAPP", Channel.whatsapp, [IdentifierKind.whatsapp, IdentifierKind.phone]),
        ("telegram", Channel.chat, [IdentifierKind.telegram]),
        ("INSTAGRAM_DM", Channel.social, [IdentifierKind.social]),
        ("email", Channel.email, [IdentifierKind.email]),
        ("pigeon", Channel.chat, [IdentifierKind.social]),
        ("", Channel.chat, [IdentifierKind.social]),
    ],
)
def test_a_network_by_its_name(name: str, channel: Channel, kinds: list[IdentifierKind]) -> None:
    assert networks.channel(name) is channel
    assert [address.kind for address in networks.addresses(name, "989351112233")] == kinds
    assert networks.addresses(name, " ") == []


@pytest.mark.parametrize("token", ["", "a.b.c", "é", "\ud83d", "..", "e30.e30.", "[" * 2_000, "a." * 2_000])
def test_junk_is_no_token(token: str) -> None:
    with pytest.raises(Refused):
        tokens.claims(token, "secret", "HS256")


@pytest.mark.parametrize("value", [None, "soon", True, [], {}])
def test_a_token_tells_its_time_in_seconds(value: object) -> None:
    with pytest.raises(Refused):
        tokens.age_s({"iat": value}, "iat", datetime(2026, 3, 21, tzinfo=UTC))

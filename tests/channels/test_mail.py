import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.email import mime
from app.channels.email.headers import Headers, addresses
from app.channels.email.words import decode_words
from app.channels.registry import ADAPTERS
from tests.channels.samples import sample


def word(text: str, charset: str, encoding: str = "b") -> str:
    raw = text.encode(charset.removesuffix("-i").removesuffix("-e"))
    return f"=?{charset}?{encoding}?{base64.b64encode(raw).decode()}?="


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (word("שלום", "iso-8859-8-i"), "שלום"),
        (word("שלום", "iso-8859-8-e", "B"), "שלום"),
        (word("سلام", "windows-1256"), "سلام"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe_an?= alle", "Grüße an alle"),
        ("=?utf-8?b?2LPZ?= =?utf-8?b?hNin2YU=?=", "سلام"),
        ("=?utf-8?q?a?= \t =?iso-8859-1*de?q?=E4?=", "aä"),
        ("=?no-such?q?a?= =?utf-8?b?YQ?=", "aa"),
        ("=?utf-8?b?!?= =?utf-8?x?a?= =? ?=", "! =?utf-8?x?a?= =? ?="),
        ("=?utf-8?b?2LPZhNin2?=", "سلا"),
        ("=?iso-8859-1?q?Frösche?=", "Frösche"),
        ("=?utf-8?q?a=0D=0ABcc:_b?=", "a  Bcc: b"),
        ("=?utf-8?q?a=00b?=", "ab"),
        ("سلام =?utf-8?q?=C3=A4?=", "سلام ä"),
    ],
)
def test_encoded_words_are_read_as_senders_write_them(header: str, text: str) -> None:
    assert decode_words(header) == text


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"{word('Doe, Jane', 'utf-8')} <jane@x.example>", [("Doe, Jane", "jane@x.example")]),
        ('"A, B" <a@x.example>, c@x.example', [("A, B", "a@x.example"), ("", "c@x.example")]),
        ("سارا احمدی <s@x.example>", [("سارا احمدی", "s@x.example")]),
        ("a@x.example (Anna)", [("Anna", "a@x.example")]),
        ("undisclosed-recipients:;", []),
        ("", []),
    ],
)
def test_addresses_are_told_apart_before_names_are_decoded(header: str, found: list[tuple[str, str]]) -> None:
    assert addresses(header) == found


def test_references_are_nearest_first_and_once() -> None:
    headers = Headers([("In-Reply-To", "<c@x> (Anna's mail) <b@x>"), ("References", "<a@x>\t<b@x> <c@x>")])

    assert headers.references == ("c@x", "b@x", "a@x")


def test_ids_without_brackets_are_read_and_endless_ones_shortened() -> None:
    assert Headers([("Message-ID", "bare@x.example")]).message_id == "bare@x.example"
    assert Headers([("Message-ID", "no id")]).message_id is None
    assert len(Headers([("Message-ID", f"<{'x' * 5_000}@x>")]).message_id or "") == 64


@pytest.mark.parametrize("date", ["", "soon", "Fri, 99 Foo 2026", "Fri, 31 Dec 9999 23:59:59 -2300", "0", "1 Jan 0001"])
def test_a_date_nobody_can_read_is_no_date(date: str) -> None:
    assert Headers([("Date", date)]).sent_at is None


@pytest.mark.parametrize(
    ("name", "value", "automatic"),
    [
        ("Auto-Submitted", "No", False),
        ("Auto-Submitted", "auto-generated (by cron)", True),
        ("Precedence", "Bulk", True),
        ("Precedence", "first-class", False),
        ("List-Id", "<l.x.example>", True),
        ("X-Autoreply", "yes", True),
        ("Return-Path", "<>", True),
        ("Return-Path", "<a@x.example>", False),
    ],
)
def test_mail_of_machines_says_so(name: str, value: str, automatic: bool) -> None:
    assert Headers([(name, value)]).automatic is automatic


def test_raw_mail_keeps_its_words_in_any_charset() -> None:
    for charset, text in (("iso-8859-8-i", "שלום"), ("x-unknown", "سلام"), ("gb2312", "漢字"), ("iso-2022-jp", "今日")):
        codec = {"iso-8859-8-i": "iso-8859-8", "x-unknown": "utf-8", "gb2312": "gb18030"}.get(charset, charset)
        raw = f"Subject: {charset}\nContent-Type: text/plain; charset={charset}\n\n".encode() + text.encode(codec)
        assert mime.read(raw).text == text


def test_a_mail_inside_the_mail_is_a_file_and_not_its_text() -> None:
    raw = (
        b"From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nouter\n--b\n"
        b"Content-Type: message/rfc822\n\nSubject: inner\n\ninner text\n--b--\n"
    )

    mail = mime.read(raw)
    assert mail.text == "outer"
    assert [(file.content_type, b"inner text" in (file.content or b"")) for file in mail.attachments] == [
        ("message/rfc822", True)
    ]


def test_undeclared_letters_in_headers_are_read() -> None:
    raw = "From: سارا <s@x.example>\nSubject: سلام\n دوست\n\nx".encode()

    mail = mime.read(raw)
    assert mail.sender == ("سارا", "s@x.example")
    assert mail.headers.get("subject") == "سلام دوست"


@given(
    st.binary(max_size=400)
    | st.text(max_size=200).map(lambda text: f"Subject: {text}\n\n{text}".encode("utf-8", "replace"))
)
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    mime.read(raw)


def test_a_second_delivery_has_the_same_nonce_and_another_mail_has_not() -> None:
    adapter, first, swapped = ADAPTERS["mailgun"], sample("mailgun", "parsed_form"), sample("mailgun", "body_swapped")
    known = adapter.nonce(first.request(), first.source())
    forged = adapter.nonce(swapped.request(), swapped.source())

    assert known
    assert forged
    assert known.value == forged.value
    assert known.digest != forged.digest


def test_the_nonce_sees_neither_boundary_nor_order_nor_proof() -> None:
    adapter, mail = ADAPTERS["mailgun"], sample("mailgun", "attachments")
    request, source = mail.request(), mail.source()
    content_type = request.headers["content-type"]
    boundary = content_type.partition("boundary=")[2]
    first, *parts = request.body.split(f"--{boundary}".encode())[:-1]
    mixed = f"--{boundary}".encode().join([first, *reversed(parts), b"--\r\n"])
    again = replace(
        request,
        body=mixed.replace(boundary.encode(), b"another"),
        headers={**request.headers, "content-type": content_type.replace(boundary, "another")},
    )

    assert adapter.nonce(again, source) == adapter.nonce(request, source)
    changed = replace(request, body=request.body.replace(b"\x89PNG", b"\x89PNP"))
    assert adapter.nonce(changed, source) != adapter.nonce(request, source)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels import forms
from app.channels.base import Unreadable
from app.channels.forms import File

BOUNDARY = "multipart/form-data; boundary=limit"


def part(disposition: str, content: bytes, content_type: str | None = None) -> bytes:
    kind = f"\r\nContent-Type: {content_type}" if content_type else ""
    return f"--limit\r\nContent-Disposition: form-data; {disposition}{kind}\r\n\r\n".encode() + content + b"\r\n"


def named(body: bytes, content_type: str = "") -> list[tuple[str, str]]:
    return [(field.name, field.value) for field in forms.read(body, content_type)]


def test_blank_repeated_and_bare_names_are_kept_in_order() -> None:
    assert named(b"b=1&a=&b=2&bare&&=x&a=%20+%2B") == [
        ("b", "1"), ("a", ""), ("b", "2"), ("bare", ""), ("", "x"), ("a", "  +"),
    ]  # fmt: skip


def test_a_percent_sign_that_escapes_nothing_stays() -> None:
    assert named(b"a=100%&b=%zz&c=%4") == [("a", "100%"), ("b", "%zz"), ("c", "%4")]


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=8))
def test_every_pair_of_bytes_survives(pairs: list[tuple[bytes, bytes]]) -> None:
    escaped = b"&".join(
        b"=".join("".join(f"%{byte:02X}" for byte in raw).encode() for raw in pair) for pair in pairs if pair[0]
    )
    assert forms.pairs(escaped) == [pair for pair in pairs if pair[0]]


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("application/x-www-form-urlencoded; charset=windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("application/x-www-form-urlencoded; charset=windows-1251", "Привет".encode(), "Привет"),
        ("application/x-www-form-urlencoded; charset=no-such", "سلام دنيا".encode("cp1256"), "سلام دنيا"),
        ("", "سلام، order 12".encode("cp1256"), "سلام، order 12"),
        ("", "שלום לכולם".encode("cp1255"), "שלום לכולם"),
        ("", "Grüße aus Köln, 5 €".encode("cp1252"), "Grüße aus Köln, 5 €"),
        ("", b"\x81 alone", "\x81 alone"),
    ],
)
def test_text_that_is_not_utf_8_is_kept(content_type: str, body: bytes, text: str) -> None:
    assert named(b"t=" + body, content_type) == [("t", text)]


def test_what_cannot_be_stored_is_cleaned_but_the_bytes_stay() -> None:
    (field,) = forms.read(b"t=a%00b", "")

    assert (field.value, field.raw) == ("ab", b"a\x00b")


def test_multipart_keeps_files_fields_and_their_charsets() -> None:
    body = (
        part('name="_charset_"', b"windows-1255")
        + part('name="text"', "שלום".encode("cp1255"))
        + part('name="own"', "Жук".encode("cp1251"), "text/plain; charset=windows-1251")
        + part('name="file"; filename="..\\..\\résumé.pdf"', b"\x00\r\n--limi", "application/pdf")
        + part('name="empty"; filename=""', b"")
        + b"--limit--\r\n"
    )

    fields = forms.read(body, BOUNDARY)
    assert [(field.name, field.value) for field in fields[:3]] == [
        ("_charset_", "windows-1255"),
        ("text", "שלום"),
        ("own", "Жук"),
    ]
    assert fields[3].file == File("résumé.pdf", "application/pdf")
    assert fields[3].raw == b"\x00\r\n--limi"
    assert fields[4].file == File(None, "application/octet-stream")


def test_a_text_field_may_be_longer_than_a_megabyte() -> None:
    body = part('name="body-mime"', b"x" * 3_000_000) + b"--limit--\r\n"

    assert len(forms.values(forms.read(body, BOUNDARY))["body-mime"]) == 3_000_000


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", BOUNDARY),
        (b"no boundary", BOUNDARY),
        (part('name="a"', b"1"), BOUNDARY),
        (part('name="a"', b"1") + b"--limit--\r\n", "multipart/form-data"),
        (b"--limit\r\nbroken header\r\n\r\n1\r\n--limit--\r\n", BOUNDARY),
        (part('name="a"', b"1") + b"--limit--\r\n", "multipart/form-data; boundary=" + "b" * 300),
        (b"a=1", "text/plain; charset=سلام"),
        (b"&".join([b"a=1"] * 3_000), ""),
        (part('name="a"', b"1") * 3_000 + b"--limit--\r\n", BOUNDARY),
    ],
)
def test_a_malformed_body_is_unreadable(body: bytes, content_type: str) -> None:
    with pytest.raises(Unreadable):
        forms.read(body, content_type)

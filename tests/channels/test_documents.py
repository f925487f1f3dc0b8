import pytest

from app.channels import documents
from app.channels.base import Unreadable


def test_an_object_is_read_and_cleaned() -> None:
    assert documents.read(b'\xef\xbb\xbf{"a":"x\\u0000y","b":[{"c":"\\ud83d"}]}') == {"a": "xy", "b": [{"c": "�"}]}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'"text"', b"null", b"{", b'{"a":\xff}', b'{"a":NaN}', b'{"a":-1e999}', b'{"a":' + b"9" * 5_000 + b"}"]
    + [opening * depth for opening in (b"[", b'{"a":') for depth in (100, 100_000)]
    + [b'{"a":' + b"[" * depth + b"]" * depth + b"}" for depth in (100, 100_000)],
    ids=range(15),
)
def test_anything_else_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        documents.read(body)


def test_values_are_of_the_documented_kind_or_unreadable() -> None:
    document = {"text": "x", "number": 1, "section": {}, "list": [{}], "mixed": [{}, 1], "null": None}

    assert documents.text(document, "text") == "x"
    assert documents.text(document, "null") == documents.text(document, "missing") == ""
    assert documents.section(document, "missing") == {}
    assert documents.sections(document, "missing") == ()
    for reader, key in (
        (documents.text, "number"),
        (documents.section, "list"),
        (documents.sections, "section"),
        (documents.sections, "mixed"),
    ):
        with pytest.raises(Unreadable):
            reader(document, key)

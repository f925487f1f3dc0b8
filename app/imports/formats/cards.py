"""vCard 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350): what telephones and address books export.

Read by hand: the library at hand stops at the first line it does not like, and telephones write many.
"""

import quopri
import re
from collections.abc import Iterator

from app.imports.formats.base import Record, reason
from app.imports.formats.encodings import encoding_of, open_text

_PROPERTY = re.compile(r"(?:[\w-]+\.)?([\w-]+)((?:;(?:\"[^\"]*\"|[^:;\"])*)*):(.*)", re.DOTALL)
_PARAMETER = re.compile(r";((?:\"[^\"]*\"|[^;\"])*)")
_UNESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARTS = re.compile(r"((?:\\.|[^;\\])*)(?:;|$)", re.DOTALL)
_LONGEST = 1_000_000
"""Of one property: a photograph."""

_SCHEME = re.compile(r"^(?:tel|mailto):", re.IGNORECASE)
_LABELS = {"cell": "mobile", "home": "home", "work": "work", "iphone": "mobile"}
_ADDRESS = ("post_office_box", "extended_address", "street", "city", "region", "postal_code", "country")
_TEXTS = {"title": "job_title", "note": "notes", "url": "website", "gender": "gender", "role": "role"}


def cards(content: bytes, system: str) -> Iterator[Record]:
    """`system`: whose ids the cards' UIDs are."""
    body: dict[str, object] | None = None
    started = 0
    for line, text in _unfolded(content):
        word = text.strip().upper()
        if word == "BEGIN:VCARD":
            if body is not None:
                yield _broken(started)
            body, started = {}, line
        elif word == "END:VCARD":
            if body is not None:
                yield Record(started, body)
            body = None
        elif body is not None and (found := _PROPERTY.fullmatch(text)):
            _take(body, found[1].lower(), *_value(found[2], found[3]), system)
    if body is not None:
        yield _broken(started)


def _broken(line: int) -> Record:
    return Record(line, None, [reason("broken_card", "The card has no end.")])


def _unfolded(content: bytes) -> Iterator[tuple[int, str]]:
    """Lines put together again: continued by a blank, or by the `=` of quoted-printable."""
    held, began, soft = "", 1, False
    for number, raw in enumerate(open_text(content), start=1):
        line = raw.rstrip("\r\n").replace("\0", "")
        if soft or (line[:1] in (" ", "\t") and held):
            if len(held) < _LONGEST:
                held = held[:-1] + line if soft else held + line[1:]
        else:
            if held:
                yield began, held
            held, began = line, number
        soft = held.endswith("=") and "QUOTED-PRINTABLE" in held[:200].upper()
    if held:
        yield began, held


def _value(written: str, value: str) -> tuple[set[str], str]:
    """The words of the parameters (types, mostly), lower-case, and the value decoded."""
    parameters = [parameter.replace('"', "") for parameter in _PARAMETER.findall(written)]
    words, charset, quoted = set(), "utf-8", False
    for parameter in parameters:
        name, _, values = parameter.partition("=")
        if name.upper() == "CHARSET":
            charset = values
        words |= {word.strip().lower() for word in (values or name).split(",")}
    quoted = "quoted-printable" in words
    return words, _decoded(value, charset) if quoted else value


def _decoded(value: str, charset: str) -> str:
    content = quopri.decodestring(value.encode("utf-8", "replace"))
    try:
        return content.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return content.decode(encoding_of(content), "replace")


def _take(body: dict[str, object], name: str, words: set[str], value: str, system: str) -> None:
    if not value.strip():
        return
    match name:
        case "fn":
            body.setdefault("display_name", _plain(value))
        case "n":
            family, given, *_ = [*_parts(value), "", ""]
            body.update({key: text for key, text in (("family_name", family), ("given_name", given)) if text})
        case "kind" | "x-addressbookserver-kind" if value.strip().lower() in ("org", "organization"):
            body["kind"] = "organization"
        case "uid":
            _add_address(body, "external", f"{system}:{value.strip()}", set())
        case "lang":
            body.setdefault("language", value.strip())
        case "tel":
            _add_address(body, "fax" if "fax" in words else "phone", value, words)
        case "email":
            _add_address(body, "email", value, words)
        case _:
            _take_attribute(body, name, value)


def _take_attribute(body: dict[str, object], name: str, value: str) -> None:
    attributes = body.setdefault("attributes", {})
    assert isinstance(attributes, dict)
    if name == "bday":
        attributes.setdefault("date_of_birth", _date(value.strip()))
    elif name == "org":
        attributes.setdefault("organization", ", ".join(filter(None, _parts(value))))
    elif name == "adr":
        for part, text in zip(_ADDRESS, _parts(value), strict=False):
            if text:
                attributes.setdefault(part, text)
    elif name == "categories":
        attributes.setdefault("tags", [each.strip() for each in _plain(value).split(",") if each.strip()])
    elif name in _TEXTS:
        attributes.setdefault(_TEXTS[name], _plain(value))


def _add_address(body: dict[str, object], kind: str, value: str, words: set[str]) -> None:
    identifiers = body.setdefault("identifiers", [])
    assert isinstance(identifiers, list)
    label = next((_LABELS[word] for word in _LABELS if word in words), None)
    text = _SCHEME.sub("", _plain(value).strip())
    identifiers.append({"kind": kind, "value": text} | ({"label": label} if label else {}))


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"[0-9]{8}", text) else text


def _parts(value: str) -> list[str]:
    return [_plain(part).strip() for part in _PARTS.findall(value)]


def _plain(text: str) -> str:
    return _UNESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)

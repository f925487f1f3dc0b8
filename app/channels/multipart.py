"""Multipart bodies split into their parts (RFC 7578), however large a part is."""

from python_multipart.multipart import MultipartParser, parse_options_header

from app.channels.base import Unreadable

_MOST_PARTS = 2_000
_MOST_HEADERS = 32
_LONGEST_HEADER = 16_384


class Part:
    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.content = bytearray()

    def options(self, header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
        """A header's value and its parameters, as sent."""
        return parse_options_header(self.headers.get(header))


def split(body: bytes, boundary: bytes) -> list[Part]:
    """The parts in order; a body that is malformed or cut off is `Unreadable`."""
    parts = _Parts()
    try:
        MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_part_data": parts.content,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_end": parts.end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_LONGEST_HEADER,
        ).write(body)
    except ValueError as error:
        raise Unreadable("the multipart body cannot be read") from error
    if not parts.complete:
        raise Unreadable("the multipart body has no end")
    return parts.found


class _Parts:
    """Takes the parser's events."""

    def __init__(self) -> None:
        self.found: list[Part] = []
        self.complete = False
        self._name = bytearray()
        self._value = bytearray()

    def begin(self) -> None:
        if len(self.found) == _MOST_PARTS:
            raise Unreadable("too many fields")
        self.found.append(Part())

    def content(self, data: bytes, start: int, end: int) -> None:
        self.found[-1].content.extend(data[start:end])

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name.extend(data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value.extend(data[start:end])

    def header_end(self) -> None:
        self.found[-1].headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def end(self) -> None:
        self.complete = True

"""NDJSON: a customer a line, as `POST /v1/customers` takes them and the export writes them."""

import io
import json
from collections.abc import Iterator

from app.imports.formats.base import Record, reason


def lines(content: bytes) -> Iterator[Record]:
    for number, line in enumerate(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), start=1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            yield Record(number, body, lenient=False)
        else:
            yield Record(number, None, [reason("malformed_json", "The line is no JSON object.")])

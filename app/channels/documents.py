"""JSON bodies: objects read key by key, each value of the kind the provider documents or the body is unreadable."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from app.channels.base import Unreadable
from app.channels.digests import digest
from app.text.cleaning import clean_json

Document = Mapping[str, Any]

_DEEPEST = 64


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower().endswith("json")


def read(body: bytes) -> Document:
    """A JSON object, cleaned of what PostgreSQL cannot hold."""
    value = read_any(body)
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def read_any(body: bytes) -> Any:
    """Any JSON value, cleaned alike."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_number, parse_float=_finite)
        _check_depth(value, _DEEPEST)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not a readable JSON document") from error
    return clean_json(value)


def read_each(body: bytes) -> Sequence[Document]:
    """The objects of a JSON list; an object on its own is a list of one."""
    value = read_any(body)
    return sections({"the body": [value] if isinstance(value, dict) else value}, "the body")


def text(document: Document, key: str) -> str:
    """A text; "" where it is missing or null."""
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{key} is not a text")
    return value


def needed(document: Document, key: str) -> str:
    """A text that must be there: whatever has no id cannot be told apart."""
    if value := text(document, key):
        return value
    raise Unreadable(f"{key} is missing")


def texts(document: Document, key: str) -> list[str]:
    """The texts of a list, where there is one."""
    values = document.get(key)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def whole(document: Document, key: str) -> int | None:
    """A whole number; None where there is none."""
    value = document.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def section(document: Document, key: str) -> Document:
    """An object inside the object; empty where it is missing or null."""
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{key} is not an object")
    return value


def sections(document: Document, key: str) -> Sequence[Document]:
    """A list of objects; empty where it is missing or null."""
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Unreadable(f"{key} is not a list of objects")
    return value


def fingerprint(document: Document) -> str:
    """The same for the same content, whatever the order of its keys."""
    return digest([json.dumps(document, sort_keys=True).encode()]).hex()


def _refuse_number(digits: str) -> NoReturn:
    raise ValueError(f"{digits} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_number(digits)


def _check_depth(value: object, room: int) -> None:
    if not room:
        raise ValueError("nested too deeply")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, room - 1)

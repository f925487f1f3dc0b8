"""Requests whose fields are flat: the query of a GET, a form, or a JSON object of plain values."""

import json
from typing import NoReturn

from app.channels import documents, forms
from app.channels.base import Unreadable, WebhookRequest
from app.messages import Ignored, Inbound
from app.text.cleaning import clean


def texts(request: WebhookRequest) -> dict[str, str]:
    """The fields as storable texts; of a repeated name the last."""
    if request.method == "GET":
        return forms.values(forms.urlencoded(request.query))
    if _is_json(request):
        return {clean(name): clean(value) for name, value in _json(request.body)}
    return forms.values(forms.read(request.body, request.headers.get("content-type", "")))


def told(request: WebhookRequest) -> dict[str, str]:
    """The same where a URL's own parameters count as well, whatever the method."""
    return {**forms.values(forms.urlencoded(request.query)), **texts(request)}


def without_message(request: WebhookRequest) -> list[Inbound]:
    """What a call brings that has none of the fields of a message: nothing, or what somebody has to look at."""
    if request.body.strip():
        raise Unreadable("none of the fields of a message")
    return [Ignored("no message")]


def pairs(request: WebhookRequest) -> list[tuple[bytes, bytes]]:
    """The fields as bytes, repeated ones included, for signatures over them."""
    if request.method == "GET":
        return forms.pairs(request.query)
    if _is_json(request):
        return [(_bytes(name), _bytes(value)) for name, value in _json(request.body)]
    return forms.pairs(request.body)


def _is_json(request: WebhookRequest) -> bool:
    # Some gateways send JSON under another name; no field of a form begins with a brace.
    return documents.is_json(request.headers.get("content-type", "")) or request.body.lstrip()[:1] == b"{"


def _json(body: bytes) -> list[tuple[str, str]]:
    """Numbers as they were written, for that is what is signed."""
    try:
        value = json.loads(body, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not a readable JSON document") from error
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return [(name, _plain(each)) for name, each in value.items()]


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value) if value is not None else ""
    if not isinstance(value, str):
        raise Unreadable("a field is not a plain value")
    return value


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _refuse(digits: str) -> NoReturn:
    raise ValueError(f"{digits} is no JSON number")

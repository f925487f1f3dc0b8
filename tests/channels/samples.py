"""Recorded provider requests, each with what the adapter makes of it: `samples/<provider>/<case>.json`."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.channels.base import Answer, Fetching, FetchRequest, FetchResponse, Got, SourceConfig, WebhookRequest
from app.channels.registry import ADAPTERS
from app.messages import Confirmation, DeliveryReceipt, Direction, IdentifierChange, Ignored, Inbound, InboundMessage

ROOT = Path(__file__).parent / "samples"
_TYPES = {
    InboundMessage: "message",
    DeliveryReceipt: "receipt",
    IdentifierChange: "identifier_change",
    Confirmation: "confirmation",
    Ignored: "ignored",
}


class Outcome(StrEnum):
    accepted = "accepted"
    """Verified and translated, be it to nothing that is filed."""
    quarantined = "quarantined"
    refused = "refused"
    handshake = "handshake"


@dataclass(frozen=True)
class Sample:
    provider: str
    case: str
    data: Mapping[str, Any]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.data["outcome"])

    @property
    def expected(self) -> Sequence[Mapping[str, Any]]:
        """What `as_json` shows of the translation."""
        expected: Sequence[Mapping[str, Any]] = self.data["expected"]
        return expected

    @property
    def expected_messages(self) -> int:
        """How many there are in the end: the same id twice is one message."""
        return len({each["external_id"] for each in self.expected if each["type"] == "message"})

    @property
    def expected_answer(self) -> Answer:
        answer = self.data["answer"]
        return Answer(answer["status"], answer["body"].encode(), answer["content_type"], answer["headers"])

    @property
    def public_url(self) -> str:
        """The URL the provider called and signed, without its query."""
        url: str = self.data["request"]["url"]
        return url.partition("?")[0]

    @property
    def body(self) -> bytes:
        request = self.data["request"]
        return base64.b64decode(request["body_base64"]) if "body_base64" in request else request["body"].encode()

    def request(self) -> WebhookRequest:
        request = self.data["request"]
        return WebhookRequest(
            method=request["method"],
            url=request["url"],
            segments=tuple(request["segments"]),
            query=request["url"].partition("?")[2].encode(),
            headers={name.lower(): value for name, value in request["headers"].items()},
            body=self.body,
            received_at=datetime.fromisoformat(self.data["received_at"]),
            resources=self.resources,
        )

    @property
    def resources(self) -> Mapping[str, bytes]:
        """What the adapter wants read first, by URL; samples name files for it, beside the providers' folders."""
        return {url: (ROOT / name).read_bytes() for url, name in self.data.get("resources", {}).items()}

    def source(self) -> SourceConfig:
        return SourceConfig(name="sample", **self.data["source"])

    def as_httpx(self, source_name: str) -> dict[str, Any]:
        """Arguments of `httpx.AsyncClient.request`; the source's `public_url` must be this sample's."""
        request = self.data["request"]
        path = "/".join(["/v1/ingest", source_name, *request["segments"]])
        _, mark, query = request["url"].partition("?")
        return {
            "method": request["method"],
            "url": f"{path}{mark}{query}",
            "headers": request["headers"],
            "content": self.body,
        }


@cache
def all_samples() -> tuple[Sample, ...]:
    paths = sorted(ROOT.glob("*/*.json"))
    return tuple(Sample(path.parent.name, path.stem, json.loads(path.read_text("utf-8"))) for path in paths)


def samples(*outcomes: Outcome, providers: Sequence[str] = ()) -> list[Sample]:
    """Those with one of the outcomes, of these providers (none named: of all)."""
    return [
        sample
        for sample in all_samples()
        if sample.outcome in outcomes and (not providers or sample.provider in providers)
    ]


def sample(provider: str, case: str) -> Sample:
    return next(each for each in all_samples() if (each.provider, each.case) == (provider, case))


def message(provider: str, case: str) -> InboundMessage:
    """The one message a sample carries."""
    each = sample(provider, case)
    (inbound,) = ADAPTERS[provider].parse(each.request(), each.source())
    assert isinstance(inbound, InboundMessage)
    return inbound


def converse(
    conversation: Fetching[Got], *answers: bytes, content_type: str = "image/png"
) -> tuple[list[FetchRequest], Got]:
    """What the provider is asked, and what comes of its answers, the last of this content type."""
    asked = [next(conversation), *(conversation.send(FetchResponse({}, answer)) for answer in answers[:-1])]
    with pytest.raises(StopIteration) as ended:
        conversation.send(FetchResponse({"content-type": content_type}, answers[-1]))
    return asked, ended.value.value


def each_sample(*outcomes: Outcome, providers: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Parametrises a test's `sample`."""
    chosen = samples(*outcomes, providers=providers)
    return pytest.mark.parametrize("sample", chosen, ids=[f"{each.provider}-{each.case}" for each in chosen])


def as_json(inbound: Inbound) -> dict[str, Any]:
    """A translation as a sample records it: every field that says something."""
    said = {field.name: _plain(getattr(inbound, field.name)) for field in fields(inbound)}
    return {"type": _TYPES[type(inbound)], **{name: value for name, value in said.items() if value not in _NOTHING}}


_NOTHING: tuple[Any, ...] = (None, "", [], {}, False, Direction.inbound)


def _plain(value: Any) -> Any:
    """Dataclasses, times and bytes as JSON values."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        said = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {name: each for name, each in said.items() if each is not None}
    return value

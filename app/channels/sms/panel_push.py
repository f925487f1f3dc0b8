"""Iranian panels that push received SMS to a URL whose parameters their customer names."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from app.channels import parameters, signatures
from app.channels.base import Adapter, SourceConfig, WebhookRequest
from app.channels.digests import bounded, digest
from app.channels.parties import Address, ends
from app.messages import Channel, IdentifierKind, Inbound, InboundMessage

_REGION = "IR"
# A second try follows within minutes, if at all; whoever says the same again means it after that.
_WINDOW_S = 300


class PanelPush(Adapter):
    """One panel: its names for sender, recipient, text and, where it sends one, id. `settings.fields` renames them."""

    channel = Channel.sms
    schemes: ClassVar = {"path_secret": ("path_token",)}
    limits = (
        "The panel signs nothing: whoever knows the path secret can write in its name.",
        "The panel does not say when a message was sent; the time of receipt stands in.",
        "Without an id among the parameters, the same text of the same sender within 5 minutes is one message.",
    )
    names: ClassVar[Mapping[str, tuple[str, ...]]]

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check_path_secret(request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        # A template with placeholders is a query, even where the panel posts.
        fields = parameters.told(request)
        own = source.settings.get("fields") or {}
        said = {word: _first(fields, (str(own[word]),) if word in own else names) for word, names in self.names.items()}
        if said["text"] is None:
            return parameters.without_message(request)
        window_s = int(source.settings.get("window_s", _WINDOW_S))
        told = {word: value or "" for word, value in said.items()}
        window = int(request.received_at.timestamp()) // window_s
        return [_message(told, window, source.default_region or _REGION)]


class Melipayamak(PanelPush):
    """Melipayamak panel, "forward received messages to URL" with the placeholders of sender, line and text."""

    provider = "melipayamak"
    title = "Melipayamak SMS"
    names: ClassVar = {"from": ("from",), "to": ("to",), "text": ("text", "message"), "id": ("id", "messageid")}


class Ghasedak(PanelPush):
    """Ghasedak panel; its client library calls the fields of a received message sender, lineNumber and message."""

    provider = "ghasedak"
    title = "Ghasedak SMS"
    names: ClassVar = {
        "from": ("from", "sender"),
        "to": ("to", "lineNumber"),
        "text": ("message", "text"),
        "id": ("messageid", "id"),
    }


def _first(fields: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((fields[name] for name in names if name in fields), None)


def _message(told: Mapping[str, str], window: int, region: str) -> InboundMessage:
    sender, recipient = (Address(IdentifierKind.phone, told[end]) for end in ("from", "to"))
    content = digest(told[word].encode() for word in ("from", "to", "text")).hex()
    return InboundMessage(
        channel=Channel.sms,
        external_id=bounded(told["id"]) if told["id"] else f"{content}:{window}",
        # Lines (1000…, 3000…, 5000…) are no E.164 numbers and stay as written.
        **ends([sender], [recipient], region=region),
        text=told["text"],
    )

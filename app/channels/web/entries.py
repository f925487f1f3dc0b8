"""What was filled into a form, sorted: who, what, and the rest."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.channels import documents, forms
from app.channels.base import Unreadable, WebhookRequest
from app.channels.digests import digest
from app.messages import Attachment

_ROLES = ("name", "email", "phone", "subject", "message")
_HONEYPOT = "website"
_NONCE = "nonce"
_CHARSET = "_charset_"


class WrongForm(Unreadable):
    """A form its sender can mend; `errors` says how, field by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = [{"field": field, "message": message} for field, message in errors.items()]


@dataclass(frozen=True, slots=True)
class Entries:
    roles: Mapping[str, str]
    """name, email, phone, subject and message; "" where they are missing."""
    others: Mapping[str, Any]
    files: Sequence[Attachment]
    nonce: str
    trapped: bool
    """Whether the field is filled in that people do not see."""

    @property
    def digest(self) -> bytes:
        texts = json.dumps([self.roles, self.others], sort_keys=True).encode()
        return digest([texts, *(part for file in self.files for part in (repr(file).encode(), file.content or b""))])


def read(request: WebhookRequest, settings: Mapping[str, Any]) -> Entries:
    """`settings.fields` names the fields of a form that calls them otherwise, `settings.honeypot` the trap."""
    values, files = _values(request)
    names = {role: str(settings.get("fields", {}).get(role, role)) for role in _ROLES}
    honeypot = str(settings.get("honeypot", _HONEYPOT))
    trapped = bool(_last(values.get(honeypot, ())))
    return Entries(
        roles={} if trapped else _roles(values, names),
        others=dict(_others(values, {*names.values(), honeypot, _NONCE, _CHARSET})),
        files=files,
        nonce=str(_last(values.get(_NONCE, ()))),
        trapped=trapped,
    )


def _values(request: WebhookRequest) -> tuple[dict[str, list[Any]], Sequence[Attachment]]:
    """All values of each field in order, and the files."""
    content_type = request.headers.get("content-type", "")
    # A page that posts JSON without asking first (`no-cors`) has to call it text/plain.
    if documents.is_json(content_type) or request.body.lstrip().startswith(b"{"):
        return {name: [value] for name, value in documents.read(request.body).items()}, ()
    values: dict[str, list[Any]] = {}
    fields = forms.read(request.body, content_type)
    for field in fields:
        if field.file is None:
            values.setdefault(field.name, []).append(field.value.replace("\r\n", "\n"))
    return values, forms.attachments(fields)


def _roles(values: Mapping[str, list[Any]], names: Mapping[str, str]) -> dict[str, str]:
    roles = {role: _last(values.get(name, ())) for role, name in names.items()}
    if wrong := {names[role]: "must be a text" for role, value in roles.items() if not isinstance(value, str)}:
        raise WrongForm(wrong)
    if not (roles["message"] or roles["email"] or roles["phone"]):
        raise WrongForm({names["message"]: "is needed where there is no e-mail address and no phone number"})
    return roles


def _others(values: Mapping[str, list[Any]], known: set[str]) -> Iterator[tuple[str, Any]]:
    for name, given in values.items():
        filled = [value for value in given if not _blank(value)]
        if filled and name not in known:
            yield name, filled if len(filled) > 1 else filled[0]


def _last(values: Sequence[Any]) -> Any:
    filled = [value for value in values if not _blank(value)]
    last = filled[-1] if filled else ""
    return last.strip() if isinstance(last, str) else last


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())

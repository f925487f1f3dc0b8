"""What clients send: reads of many files, signed messages of which no two are alike, batches."""

import base64
import hmac
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from urllib.parse import quote, urlencode

SOURCE = "benchmark-sms"
TOKEN = "0123456789abcdef0123456789abcdef"
OUR_NUMBER = "+982188776655"

_numbers = count(random.SystemRandom().randrange(10**15))
_WORDS = (
    "سلام، سفارش من هنوز نرسیده است، لطفا پیگیری کنید.",
    "قیمت این محصول چقدر است و آیا ارسال به شیراز دارید؟",
    "می‌خواهم آدرس تحویل را به خیابان ولیعصر تغییر دهم.",
    "کالای دریافتی شکسته است و درخواست مرجوعی دارم.",
)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    def raw(self, host: str) -> bytes:
        """HTTP/1.1."""
        headers = {"Host": host, **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True, slots=True)
class Customers:
    """Whom requests are about, drawn at random."""

    ids: Sequence[str]
    phones: Sequence[str]


def files(customers: Customers, key: str) -> list[Request]:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return [Request("GET", f"/v1/customers/{customer}/file", headers) for customer in customers.ids]


def lookups(customers: Customers, key: str) -> list[Request]:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return [Request("GET", f"/v1/lookup?phone={quote(phone)}", headers) for phone in customers.phones]


def messages(customers: Customers, port: int, number: int) -> list[Request]:
    """As Twilio sends an SMS, signed for this URL."""
    return [_message(_anybody(customers), port) for _ in range(number)]


def batch(customers: Customers, lines: int, *, unknown: float) -> bytes:
    """NDJSON; `unknown` is the share of senders nobody knows yet."""
    return "\n".join(_lines(customers, lines, unknown)).encode()


def _lines(customers: Customers, lines: int, unknown: float) -> Iterator[str]:
    at = datetime.now(UTC).isoformat()
    for _ in range(lines):
        number = next(_numbers)
        stranger = random.random() < unknown
        sender = f"+98935{random.randrange(10**7):07}" if stranger else _anybody(customers)
        line = {
            "channel": "sms",
            "source": "shop",
            "external_id": f"shop-{number}",
            "occurred_at": at,
            "from": {"kind": "phone", "value": sender},
            "to": {"kind": "phone", "value": OUR_NUMBER},
            "text": _WORDS[number % len(_WORDS)],
        }
        yield json.dumps(line, ensure_ascii=False)


def _message(sender: str, port: int) -> Request:
    number = next(_numbers)
    message_id = f"SM{number:032x}"
    fields = {
        "ToCountry": "IR",
        "ToState": "",
        "SmsMessageSid": message_id,
        "NumMedia": "0",
        "ToCity": "",
        "FromZip": "",
        "SmsSid": message_id,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": _WORDS[number % len(_WORDS)],
        "FromCountry": "IR",
        "To": OUR_NUMBER,
        "ToZip": "",
        "NumSegments": "1",
        "MessageSid": message_id,
        "AccountSid": "AC0123456789abcdef0123456789abcdef",
        "From": sender,
        "ApiVersion": "2010-04-01",
    }
    path = f"/v1/ingest/{SOURCE}"
    signed = f"http://127.0.0.1:{port}{path}" + "".join(name + value for name, value in sorted(fields.items()))
    headers = {
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "I-Twilio-Idempotency-Token": f"{number:036}",
        "X-Home-Region": "us1",
        "X-Twilio-Signature": base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode(),
    }
    return Request("POST", path, headers, urlencode(fields).encode())


def _anybody(customers: Customers) -> str:
    return random.choice(customers.phones)

"""What people type into search boxes, from what nobody has to what every second row has."""

import random
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from tests.benchmarks import load
from tests.benchmarks.load import Result
from tests.benchmarks.servers import Server
from tests.benchmarks.traffic import Customers, Request

_ASKED = 500
_CONNECTIONS = 1
"""Of interest is how long one who types waits, not how many can."""
_PEOPLE = "/v1/customers"
_MESSAGES = "/v1/interactions"


def run(service: Server, customers: Customers, key: str, seconds: float) -> dict[str, Result]:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    results = {}
    for name, (path, typed) in _typed(customers).items():
        requests = [Request("GET", f"{path}?q={quote(each)}", headers) for each in typed]
        load.run(service.port, requests, connections=_CONNECTIONS, seconds=1)
        results[name] = load.run(service.port, requests, connections=_CONNECTIONS, seconds=seconds)
    return results


def _typed(customers: Customers) -> Mapping[str, tuple[str, Sequence[str]]]:
    phones = random.sample(customers.phones, min(_ASKED, len(customers.phones)))
    return {
        "search: name": (_PEOPLE, ["مريم", "بهرا", "شيرين", "داريو", "يزدان"]),
        "search: two names": (_PEOPLE, ["علی رضایی", "مریم احم", "کاوه نوری", "زهرا کاظ"]),
        "search: letter": (_PEOPLE, ["م", "ع", "ا", "ن"]),
        "search: nobody": (_PEOPLE, ["ژاله", "zzz", "مریم ژاله", "+49151"]),
        "search: phone's end": (_PEOPLE, [phone[-5:] for phone in phones]),
        "search: phone's beginning": (_PEOPLE, [f"0{phone[3:10]}" for phone in phones]),
        "search: name and phone": (_PEOPLE, [f"مریم {phone[-4:]}" for phone in phones]),
        "search: name and any phone": (_PEOPLE, ["علی 0912", "رضا 912"]),
        "search: e-mail": (_PEOPLE, [f"customer.{number}" for number in range(1_000, 1_000 + _ASKED)]),
        "search: e-mail's domain": (_PEOPLE, ["example.ir"]),
        "search: word": (_MESSAGES, ["سفارش", "نمی‌کند", "لطفا پيگيري"]),
        "search: rare word": (_MESSAGES, [f"سفارش {number}" for number in range(50_000, 50_000 + _ASKED)]),
        "search: no word": (_MESSAGES, ["ژاله", "سفارش ژاله", "zzz"]),
    }

"""Ten thousand touches at once: each line for itself."""

import json
from typing import Any

import httpx
import pytest

from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer

Client = httpx.AsyncClient
NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
PATH = "/v1/interactions/batch"


def line(external_id: str | None = None, value: str = "+989121234567", **fields: Any) -> bytes:
    body = {"channel": "visit", "from": {"kind": "phone", "value": value}, "external_id": external_id} | fields
    return json.dumps(body).encode()


async def send(client: Client, *lines: bytes, end: bytes = b"\n") -> dict[str, Any]:
    response = await client.post(PATH, content=end.join(lines), headers={"Content-Type": "application/x-ndjson"})
    assert response.status_code == 200, response.text
    return dict(response.json())


def told(result: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    return [(each["line"], each["status"], each["code"]) for each in result["results"]]


async def test_each_line_tells_what_became_of_it(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    result = await send(client, line("1"), line("2"))
    assert (result["created"], result["known"], result["rejected"]) == (2, 0, 0)
    listed = {item["id"]: item for item in await all_pages(client, "/v1/interactions")}
    for number, each in enumerate(result["results"], start=1):
        assert each == {
            "line": number,
            "status": "created",
            "id": each["id"],
            "customer_id": customer["id"],
            "code": None,
            "errors": None,
        }
        assert listed[each["id"]]["external_id"] == str(number)


async def test_a_bad_line_is_rejected_in_its_place_and_the_rest_go_on(client: Client) -> None:
    result = await send(
        client,
        line("1"),
        b'{"channel":',
        line("2", channel="pigeon"),
        line("3", nickname="x"),
        line("4", value="12"),
        line("5", customer_id=NOBODY),
        b"\xff\xfe\xfd",
        b"[1]",
        b"17",
        line("6", text="x" * 1_000_001),
        line("7", attributes={"a": 1}).replace(b"1}", b"NaN}"),
        line("8", attributes={"a": 1}).replace(b"1}", b"9" * 5000 + b"}"),
        line("9", attributes={"a": 1}).replace(b"1}", b"[" * 2000 + b"]" * 2000 + b"}"),
        line("10", attributes={"a": 1}).replace(b"1}", b"[" * 100 + b"]" * 100 + b"}"),
        line("11", occurred_at="9999-12-31T23:59:59-12:00"),
        line("12"),
    )
    assert told(result) == [
        (1, "created", None),
        (2, "rejected", "malformed_json"),
        (3, "rejected", "validation_failed"),
        (4, "rejected", "validation_failed"),
        (5, "rejected", "invalid_identifier"),
        (6, "rejected", "unknown_customer"),
        (7, "rejected", "malformed_json"),
        (8, "rejected", "validation_failed"),
        (9, "rejected", "validation_failed"),
        (10, "rejected", "validation_failed"),
        (11, "rejected", "validation_failed"),
        (12, "rejected", "malformed_json"),
        (13, "rejected", "malformed_json"),
        (14, "rejected", "validation_failed"),
        (15, "rejected", "validation_failed"),
        (16, "created", None),
    ]
    assert (result["created"], result["known"], result["rejected"]) == (2, 0, 14)
    assert [error["field"] for error in result["results"][3]["errors"]] == ["nickname"]
    assert len(await all_pages(client, "/v1/interactions")) == 2


async def test_what_other_readers_stumble_over_is_taken(client: Client) -> None:
    result = await send(
        client,
        line("1", text="half \ud83d and \x00 whole \U0001f600"),
        line("2", attributes={"number": 2**80, "half": "\ud83d"}),
        line("3"),
    )
    assert [each["status"] for each in result["results"]] == ["created"] * 3
    first, second = [(await client.get(f"/v1/interactions/{each['id']}")).json() for each in result["results"][:2]]
    assert first["text"] == "half � and  whole 😀"
    assert second["attributes"] == {"number": 2**80, "half": "�"}


async def test_a_rejection_never_repeats_the_line(client: Client) -> None:
    secret = "my-secret-remark"
    lines = (secret.encode(), line(channel=secret), line(value=secret), line(text=[secret]), line(customer_id=secret))
    response = await client.post(PATH, content=b"\n".join(lines))
    assert response.json()["rejected"] == 5
    assert secret not in response.text


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_blank_lines_and_either_line_end_are_fine_and_lines_keep_their_numbers(
    client: Client, end: bytes
) -> None:
    result = await send(client, b"", line("1"), b"   ", line("2"), b"", b"", end=end)
    assert told(result) == [(2, "created", None), (4, "created", None)]


@pytest.mark.parametrize("document", [b"", b"\n\n", b"\r\n"])
async def test_an_empty_batch_is_fine(client: Client, document: bytes) -> None:
    assert await send(client, document) == {"created": 0, "known": 0, "rejected": 0, "results": []}


async def test_the_same_touch_twice_in_one_batch_is_recorded_once(client: Client) -> None:
    result = await send(client, line("1", text="first"), line("1", text="second"), line("2"), line("1"))
    assert [each["status"] for each in result["results"]] == ["created", "known", "created", "known"]
    ids = [each["id"] for each in result["results"]]
    assert ids[0] == ids[1] == ids[3] != ids[2]
    assert len({each["customer_id"] for each in result["results"]}) == 1
    assert (await client.get(f"/v1/interactions/{ids[0]}")).json()["text"] == "first"


@pytest.mark.parametrize("fillers", [0, 8, 40])
@pytest.mark.parametrize("known", [(), (0,), (1,), (0, 1)])
async def test_of_lines_told_twice_the_first_counts_whoever_sent_them(
    client: Client, fillers: int, known: tuple[int, ...]
) -> None:
    phones = ("+989121110001", "+989121110002")
    for each in known:
        await make_customer(client, ("phone", phones[each]))
    others = [line(str(number), value="+989129999999") for number in range(fillers)]
    first, second = (
        line("twice", value=phone, channel="sms", text=text, occurred_at=at)
        for phone, text, at in zip(
            phones, ("first", "second"), ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"), strict=True
        )
    )
    result = (await send(client, first, *others, second))["results"]
    assert (result[0]["status"], result[-1]["status"], result[-1]["id"]) == ("created", "known", result[0]["id"])
    assert (await client.get(f"/v1/interactions/{result[0]['id']}")).json()["text"] == "first"
    found = await client.get("/v1/lookup", params={"phone": phones[1]})
    assert found.status_code == (200 if 1 in known else 404)
    if 1 in known:
        file = found.json()
        assert (file["customer"]["last_contact_at"], file["conversations"]) == (None, [])


async def test_a_line_that_repeats_a_refused_one_may_be_taken(client: Client) -> None:
    customer = await make_customer(client)
    named = [line("twice", customer_id=each) for each in (NOBODY, NOBODY, customer["id"], customer["id"])]
    assert [status for _, status, _ in told(await send(client, *named))] == ["rejected", "rejected", "created", "known"]


async def test_a_batch_says_why_nothing_can_be_filed_under_a_customer(client: Client) -> None:
    gone = [await make_customer(client) for _ in range(2)]
    for customer, mode in zip(gone, ("erase", "anonymize"), strict=True):
        assert (await client.delete(f"/v1/customers/{customer['id']}", params={"mode": mode})).is_success
    ids = [customer["id"] for customer in gone] + [NOBODY]
    result = await send(client, *(line(str(number), customer_id=each) for number, each in enumerate(ids)))
    assert [code for _, _, code in told(result)] == ["erased", "anonymized", "unknown_customer"]


async def test_the_same_batch_again_is_known_line_by_line(client: Client) -> None:
    first = await send(client, line("1"), line("2"))
    again = await send(client, line("1"), line("2"), line("3"))
    assert [each["status"] for each in again["results"]] == ["known", "known", "created"]
    assert [each["id"] for each in again["results"][:2]] == [each["id"] for each in first["results"]]


async def test_all_first_messages_of_one_stranger_open_one_file(client: Client) -> None:
    await send(client, *(line(value=value) for value in ("+989121234567", "+989351234567", "+98 912 123 4567")))
    customers = await all_pages(client, "/v1/customers")
    assert {customer["identifiers"][0]["value"] for customer in customers} == {"+989121234567", "+989351234567"}
    assert len(customers) == 2


async def test_a_withheld_number_among_them_stays_unfiled(client: Client) -> None:
    result = await send(client, line(value="anonymous"), line())
    assert [each["customer_id"] is None for each in result["results"]] == [True, False]


async def test_a_byte_order_mark_before_the_first_line_is_no_mistake(client: Client) -> None:
    assert (await send(client, b"\xef\xbb\xbf" + line("1"), line("2")))["created"] == 2


async def test_ten_thousand_lines_are_taken_and_one_more_is_413(client: Client) -> None:
    bad = [b"{"] * 9_990
    assert (await send(client, *bad, b"", *(line(str(number)) for number in range(10))))["created"] == 10
    response = await client.post(PATH, content=b"\n".join(bad + [b"{"] * 11))
    assert_problem(response, 413, "too_many_lines")


async def test_a_batch_may_be_larger_than_an_ordinary_body(client: Client) -> None:
    assert (await send(client, *(line(str(number), text="x" * 900_000) for number in range(3))))["created"] == 3

"""Consents: the newest counts, and where files were merged the strictest, until a newer one is told."""

from typing import Any

import httpx
import pytest

from app.core.ids import uuid7
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, get_file, make_customer, merge, undo

Client = httpx.AsyncClient
DAY = "2026-11-{:02d}T09:00:00+00:00"


async def give(client: Client, customer: dict[str, Any], status: str, day: int = 1, **fields: Any) -> dict[str, Any]:
    body = {"purpose": "marketing", "status": status, "given_at": DAY.format(day)} | fields
    response = await client.post(f"/v1/customers/{customer['id']}/consents", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def in_force(client: Client, customer: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    """Of the file, which must agree with the list."""
    shown = (await get_file(client, customer["id"]))["consents"]
    listed = await all_pages(client, f"/v1/customers/{customer['id']}/consents")
    assert {each["id"] for each in shown} == {each["id"] for each in listed if each["in_force"]}
    return [(each["purpose"], each["channel"], each["status"]) for each in shown]


async def test_a_consent_is_told_and_shown_in_the_file(client: Client) -> None:
    ali = await make_customer(client)
    given = await give(
        client, ali, "granted", purpose=" Marketing", channel="sms", source="form", proof={"page": "/newsletter"}
    )
    assert (given["purpose"], given["in_force"], given["customer_id"]) == ("marketing", True, ali["id"])
    (shown,) = (await get_file(client, ali["id"]))["consents"]
    assert shown == {name: given[name] for name in shown}
    assert (shown["channel"], shown["source"], shown["proof"]) == ("sms", "form", {"page": "/newsletter"})
    assert shown["given_at"] == DAY.format(1)


async def test_the_newest_is_in_force_in_whatever_order_they_are_told(client: Client) -> None:
    ali = await make_customer(client)
    await give(client, ali, "withdrawn", 3)
    await give(client, ali, "granted", 2)
    assert await in_force(client, ali) == [("marketing", None, "withdrawn")]
    await give(client, ali, "granted", 4)
    assert await in_force(client, ali) == [("marketing", None, "granted")]


async def test_nothing_is_overwritten(client: Client) -> None:
    ali = await make_customer(client)
    for day in (1, 3, 2):
        await give(client, ali, "granted", day)
    path = f"/v1/customers/{ali['id']}/consents"
    listed = await all_pages(client, path, limit=1)
    assert [(each["given_at"], each["in_force"]) for each in listed] == [
        (DAY.format(3), True),
        (DAY.format(2), False),
        (DAY.format(1), False),
    ]
    assert await all_pages(client, path, status="withdrawn") == []
    assert len(await all_pages(client, path, purpose="MARKETING")) == 3


async def test_of_two_at_one_time_the_withdrawal_is_in_force(client: Client) -> None:
    ali = await make_customer(client)
    await give(client, ali, "withdrawn")
    await give(client, ali, "granted")
    assert await in_force(client, ali) == [("marketing", None, "withdrawn")]


async def test_purposes_and_channels_stand_for_themselves(client: Client) -> None:
    ali = await make_customer(client)
    await give(client, ali, "granted", 1)
    await give(client, ali, "withdrawn", 2, channel="sms")
    await give(client, ali, "granted", 3)
    await give(client, ali, "withdrawn", 3, purpose="research")
    assert await in_force(client, ali) == [
        ("marketing", None, "granted"),
        ("marketing", "sms", "withdrawn"),
        ("research", None, "withdrawn"),
    ]


async def test_a_withdrawal_for_all_channels_ends_older_permissions_of_single_ones(client: Client) -> None:
    ali = await make_customer(client)
    await give(client, ali, "granted", 1, channel="sms")
    await give(client, ali, "granted", 3, channel="email")
    await give(client, ali, "withdrawn", 2)
    assert await in_force(client, ali) == [("marketing", None, "withdrawn"), ("marketing", "email", "granted")]


@pytest.mark.parametrize("survivor_said", ["granted", "withdrawn"])
async def test_on_merge_the_strictest_of_both_sides_is_in_force(client: Client, survivor_said: str) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    other_said = ({"granted", "withdrawn"} - {survivor_said}).pop()
    await give(client, survivor, survivor_said, 1 if survivor_said == "withdrawn" else 5)
    await give(client, other, other_said, 1 if other_said == "withdrawn" else 5)
    await merge(client, survivor["id"], other["id"])
    assert await in_force(client, survivor) == [("marketing", None, "withdrawn")]


async def test_on_merge_only_the_newest_of_each_side_counts(client: Client) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    await give(client, survivor, "granted", 2)
    await give(client, other, "withdrawn", 1)
    await give(client, other, "granted", 3)
    await merge(client, survivor["id"], other["id"])
    assert await in_force(client, survivor) == [("marketing", None, "granted")]


async def test_after_a_merge_a_newer_one_counts_again(client: Client) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    await give(client, survivor, "granted", 5)
    await give(client, other, "withdrawn", 3)
    await merge(client, survivor["id"], other["id"])
    await give(client, survivor, "granted", 6)
    assert await in_force(client, survivor) == [("marketing", None, "granted")]


async def test_a_withdrawal_for_all_channels_binds_the_other_sides_single_ones(client: Client) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    await give(client, survivor, "granted", 5, channel="sms")
    await give(client, other, "withdrawn", 3)
    await merge(client, survivor["id"], other["id"])
    assert await in_force(client, survivor) == [("marketing", None, "withdrawn")]
    await give(client, survivor, "granted", 6, channel="sms")
    assert await in_force(client, survivor) == [("marketing", None, "withdrawn"), ("marketing", "sms", "granted")]


async def test_undoing_a_merge_gives_each_its_own_consents_back(client: Client) -> None:
    survivor, other = await make_customer(client), await make_customer(client)
    await give(client, survivor, "granted", 5)
    await give(client, other, "withdrawn", 3)
    merged = await merge(client, survivor["id"], other["id"])
    await undo(client, merged["merge_id"])
    assert await in_force(client, survivor) == [("marketing", None, "granted")]
    assert await in_force(client, other) == [("marketing", None, "withdrawn")]


async def test_a_consent_of_the_future_is_refused(client: Client) -> None:
    ali = await make_customer(client)
    body = {"purpose": "marketing", "status": "granted", "given_at": "2999-01-01T00:00:00Z"}
    assert_problem(await client.post(f"/v1/customers/{ali['id']}/consents", json=body), 422, "validation_failed")


async def test_nobody_consents_in_an_unknown_or_anonymized_file(client: Client) -> None:
    body = {"purpose": "marketing", "status": "granted"}
    nobody = f"/v1/customers/{uuid7()}/consents"
    assert_problem(await client.post(nobody, json=body), 404, "not_found")
    assert_problem(await client.get(nobody), 404, "not_found")
    ali = await make_customer(client)
    await client.delete(f"/v1/customers/{ali['id']}")
    assert_problem(await client.post(f"/v1/customers/{ali['id']}/consents", json=body), 409, "anonymized")

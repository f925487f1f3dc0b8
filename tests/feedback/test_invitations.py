"""Invitations: whom we may ask, how often, and what becomes of it."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, invite, make_customer, make_survey, tell

PHONE, EMAIL = ("phone", "+989121234567"), ("email", "ali@example.ir")
Client = httpx.AsyncClient


@pytest.fixture
async def survey_id(client: Client) -> str:
    return str((await make_survey(client, "nps"))["id"])


@pytest.fixture
async def customer_id(client: Client) -> str:
    return str((await make_customer(client, PHONE, EMAIL, language="fa"))["id"])


async def refused(client: Client, survey_id: str, code: str, status: int = 409, **body: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/surveys/{survey_id}/invitations", json=body)
    assert_problem(response, status, code)
    return dict(response.json())


async def test_an_invitation_is_a_link_for_one_customer(client: Client, survey_id: str, customer_id: str) -> None:
    told = {"occasion": "visit", "channel": "sms", "case_reference": "C-1", "order_reference": "7", "agent": "n.ahmadi"}
    invitation = await invite(client, survey_id, customer_id, **told)
    assert invitation.items() >= (told | {"survey_id": survey_id, "customer_id": customer_id}).items()
    assert (invitation["status"], invitation["definition_version"], invitation["language"]) == ("created", 1, "fa")
    assert invitation["addresses"] == [{"kind": "phone", "value": PHONE[1]}]
    address = urlsplit(invitation["link"])
    assert (address.netloc, address.path[:3]) == ("onefile.test", "/s/")
    assert address.path[3:].isalnum()
    assert len(address.path[3:]) == 22
    shown = (await client.get(f"/v1/invitations/{invitation['id']}")).json()
    assert shown == {name: value for name, value in invitation.items() if name not in ("link", "addresses")}
    lifetime = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["created_at"])
    assert round(lifetime.total_seconds() / 86400, 3) == 14


async def test_the_link_begins_with_the_public_address(
    app: FastAPI, client: Client, survey_id: str, customer_id: str
) -> None:
    configure(app, public_url="https://ask.example.org/")
    assert (await invite(client, survey_id, customer_id))["link"].startswith("https://ask.example.org/s/")


async def test_the_token_is_kept_nowhere_also_not_for_an_idempotency_key(
    client: Client, survey_id: str, customer_id: str, database: SavepointDatabase
) -> None:
    path, headers = f"/v1/surveys/{survey_id}/invitations", {"Idempotency-Key": "once"}
    first = await client.post(path, json={"customer_id": customer_id}, headers=headers)
    again = await client.post(path, json={"customer_id": customer_id}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert first.headers["cache-control"] == "no-store"
    token = first.json()["link"].rpartition("/")[2]
    for table in ("survey_invitation", "idempotency_key", "change"):
        rows = await database.driver.fetch(f"SELECT * FROM {table}")  # noqa: S608  constants
        assert token not in str([dict(row) for row in rows]), table
    assert await database.driver.fetchval("SELECT count(*) FROM survey_invitation") == 1


async def test_nobody_is_asked_again_too_soon_by_whatever_survey(
    client: Client, survey_id: str, customer_id: str, database: SavepointDatabase
) -> None:
    await invite(client, survey_id, customer_id)
    for other in (survey_id, (await make_survey(client, "ces"))["id"]):
        told = await refused(client, other, "recently_asked", customer_id=customer_id)
        assert told["allowed_from"][:10] in told["detail"]
    diary = await make_survey(client, "service_diary")
    await invite(client, diary["id"], customer_id)
    await database.driver.execute("UPDATE survey_invitation SET created_at = now() - interval '91 days'")
    await invite(client, survey_id, customer_id)


async def test_two_invitations_at_once_ask_once(served: FastAPI) -> None:
    async with open_client(served) as client:
        survey, customer = await make_survey(client, "nps"), await make_customer(client, PHONE)
        path, body = f"/v1/surveys/{survey['id']}/invitations", {"customer_id": customer["id"]}
        responses = await asyncio.gather(*(client.post(path, json=body) for _ in range(5)))
        assert sorted(each.status_code for each in responses) == [201] + [409] * 4


async def test_who_opted_out_is_not_asked_on_that_channel(client: Client, survey_id: str) -> None:
    customer = await make_customer(client, PHONE, EMAIL)
    by_kind = {each["kind"]: each["id"] for each in customer["identifiers"]}
    path = f"/v1/customers/{customer['id']}/identifiers/"
    await client.patch(path + by_kind["phone"], json={"opted_out": True})
    await refused(client, survey_id, "opted_out", customer_id=customer["id"], channel="sms")
    await client.patch(path + by_kind["email"], json={"opted_out": True})
    await refused(client, survey_id, "opted_out", customer_id=customer["id"])
    await client.patch(path + by_kind["email"], json={"opted_out": False})
    invitation = await invite(client, survey_id, customer["id"])
    assert invitation["addresses"] == [{"kind": "email", "value": EMAIL[1]}]


async def test_who_withdrew_the_consent_to_surveys_is_not_asked(
    client: Client, survey_id: str, customer_id: str
) -> None:
    path = f"/v1/customers/{customer_id}/consents"
    await client.post(path, json={"purpose": "survey", "status": "withdrawn"})
    await refused(client, survey_id, "opted_out", customer_id=customer_id, channel="email")
    await client.post(path, json={"purpose": "survey", "status": "granted", "channel": "email"})
    await refused(client, survey_id, "opted_out", customer_id=customer_id, channel="sms")
    await invite(client, survey_id, customer_id, channel="email")


async def test_an_ended_survey_an_unknown_customer_and_a_forgotten_one(
    client: Client, survey_id: str, customer_id: str
) -> None:
    nobody = "01a20351-8849-7262-b2fa-12638c68a45b"
    await refused(client, survey_id, "not_found", 404, customer_id=nobody)
    await refused(client, nobody, "not_found", 404, customer_id=customer_id)
    await refused(client, survey_id, "unknown_language", 422, customer_id=customer_id, language="tr")
    ended = await make_survey(client, "csat")
    await client.patch(f"/v1/surveys/{ended['id']}", json={"active": False})
    await refused(client, ended["id"], "survey_inactive", customer_id=customer_id)
    await client.delete(f"/v1/customers/{customer_id}")
    await refused(client, survey_id, "anonymized", customer_id=customer_id)


async def test_what_it_is_about_must_be_the_customers_and_tells_who_served(
    client: Client, survey_id: str, customer_id: str
) -> None:
    others = await tell(client, ("phone", "+989351112233"))
    await refused(client, survey_id, "not_theirs", customer_id=customer_id, interaction_id=others["id"])
    await refused(client, survey_id, "unknown_interaction", 422, customer_id=customer_id, interaction_id=survey_id)
    own = await tell(client, PHONE, agent="counter 3")
    invitation = await invite(client, survey_id, customer_id, interaction_id=own["id"])
    assert (invitation["agent"], invitation["interaction_id"]) == ("counter 3", own["id"])


async def test_the_status_follows_what_happens(
    client: Client, stranger: Client, survey_id: str, database: SavepointDatabase
) -> None:
    async def with_status(status: str) -> list[str]:
        listed = await all_pages(client, "/v1/invitations", status=status)
        assert {each["status"] for each in listed} <= {status}
        return [each["id"] for each in listed]

    customer = await make_customer(client, PHONE)
    invitation = await invite(client, survey_id, customer["id"])
    mine = [invitation["id"]]
    assert await with_status("created") == mine
    for _ in range(2):
        sent = await client.post(f"/v1/invitations/{invitation['id']}/sent")
    assert (sent.json()["status"], sent.json()["version"]) == ("sent", 2)
    assert await with_status("sent") == mine
    await stranger.get(invitation["link"])
    assert await with_status("opened") == mine
    await database.driver.execute("UPDATE survey_invitation SET expires_at = now()")
    assert await with_status("expired") == mine
    await database.driver.execute("UPDATE survey_invitation SET expires_at = now() + interval '1 day'")
    await stranger.post(invitation["link"], data={"recommend": "9"})
    assert await with_status("answered") == mine
    for status in ("created", "sent", "opened", "expired"):
        assert await with_status(status) == []


async def test_each_filter_of_the_list_keeps_what_it_names(client: Client) -> None:
    touch = await tell(client, PHONE)
    diary, other = await make_survey(client, "service_diary"), await make_survey(client, "csat")
    told = {"channel": "sms", "agent": "n.ahmadi", "interaction_id": touch["id"]}
    mine = await invite(client, diary["id"], touch["customer_id"], **told)
    await invite(client, other["id"], (await make_customer(client, EMAIL))["id"])
    for parameters in (
        {"survey_id": diary["id"]},
        {"customer_id": touch["customer_id"]},
        {"channel": "sms"},
        {"agent": "n.ahmadi"},
        {"interaction_id": touch["id"]},
    ):
        assert [each["id"] for each in await all_pages(client, "/v1/invitations", **parameters)] == [mine["id"]]
    assert len(await all_pages(client, "/v1/invitations")) == 2


async def test_another_link_replaces_a_lost_one(
    client: Client, stranger: Client, survey_id: str, customer_id: str, database: SavepointDatabase
) -> None:
    first = await invite(client, survey_id, customer_id)
    path = f"/v1/invitations/{first['id']}/link"
    second = (await client.post(path)).json()
    assert (await stranger.get(first["link"])).status_code == 404
    assert (await stranger.get(second["link"])).status_code == 200
    await database.driver.execute("UPDATE survey_invitation SET expires_at = now()")
    assert_problem(await client.post(path), 410, "invitation_expired")
    await database.driver.execute("UPDATE survey_invitation SET expires_at = now() + interval '1 day'")
    await stranger.post(second["link"], data={"recommend": "9"})
    assert_problem(await client.post(path), 409, "invitation_used")
    for route in ("link", "sent"):
        nobody = await client.post(f"/v1/invitations/01a20351-8849-7262-b2fa-12638c68a45b/{route}")
        assert_problem(nobody, 404, "not_found")


async def test_invitations_follow_their_file_and_count_for_the_survivor(
    client: Client, stranger: Client, survey_id: str, customer_id: str
) -> None:
    other = await make_customer(client, ("email", "ali@work.example"))
    invitation = await invite(client, survey_id, other["id"])
    merged = await client.post(f"/v1/customers/{customer_id}/merge", json={"customer_ids": [other["id"]]})
    assert merged.status_code in (200, 201), merged.text
    await refused(client, survey_id, "recently_asked", customer_id=customer_id)
    await stranger.post(invitation["link"], data={"recommend": "9"})
    (row,) = await all_pages(client, "/v1/feedback", customer_id=customer_id)
    assert row["invitation_id"] == invitation["id"]


async def test_forgetting_the_customer_empties_the_invitation_and_kills_the_link(
    client: Client, stranger: Client, survey_id: str, customer_id: str
) -> None:
    invitation = await invite(client, survey_id, customer_id, occasion="Ali's visit", order_reference="7")
    await stranger.post(invitation["link"], data={"reason": "I am Ali"})
    assert (await client.delete(f"/v1/customers/{customer_id}")).status_code == 204
    left = (await client.get(f"/v1/invitations/{invitation['id']}")).json()
    assert (left["occasion"], left["order_reference"], left["answers"]) == (None, None, {})
    assert (await stranger.get(invitation["link"])).status_code == 404


async def test_erasing_the_customer_takes_invitation_and_answer_along(
    client: Client, stranger: Client, survey_id: str, customer_id: str
) -> None:
    invitation = await invite(client, survey_id, customer_id)
    await stranger.post(invitation["link"], data={"recommend": "2"})
    erased = await client.delete(f"/v1/customers/{customer_id}", params={"mode": "erase"})
    assert erased.status_code == 204, erased.text
    assert await all_pages(client, "/v1/invitations") == []
    assert await all_pages(client, "/v1/feedback") == []
    assert (await stranger.get(invitation["link"])).status_code == 404

"""Many at once: what arrives together ends as if it had come one after the other, and nobody waits in a circle."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.conftest import open_client
from tests.factories import get_file, make_customer, make_source, signed_sms, tell, whatsapp_statuses, whatsapp_texts

SMS = "http://onefile.test/v1/ingest/sms"
FORM = "http://onefile.test/v1/ingest/form"
PHONE = "+989121234567"
EMAIL = "maryam@example.org"
random = Random(1)


@pytest.fixture
async def client(served: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(served) as client:
        await make_source(client, name="sms", credentials={"auth_token": "12345"})
        await make_source(client, "web_form", name="form", settings={"scheme": "none"})
        yield client


async def at_once(requests: Iterable[Awaitable[httpx.Response]], *allowed: int) -> list[httpx.Response]:
    """The answers, all of them of the allowed statuses (200)."""
    responses = await asyncio.gather(*requests)
    for response in responses:
        assert response.status_code in (allowed or (200,)), (response.status_code, response.text)
    return responses


async def sms(client: httpx.AsyncClient, message_id: str, sender: str = PHONE) -> httpx.Response:
    return await client.post(SMS, **signed_sms(sender, f"text of {message_id}", message_id, url=SMS))


async def form(client: httpx.AsyncClient, message_id: str, **fields: str) -> httpx.Response:
    return await client.post(FORM, json={"nonce": message_id, "message": "hello"} | fields)


async def post_batch(client: httpx.AsyncClient, lines: Iterable[dict[str, Any]]) -> httpx.Response:
    return await client.post("/v1/interactions/batch", content="\n".join(map(json.dumps, lines)))


def tables(app: FastAPI) -> Database:
    database: Database = app.state.database
    return database


async def ask(app: FastAPI, query: str, *arguments: Any) -> Any:
    async with tables(app).hot() as connection:
        return await connection.fetchval(query, *arguments)


async def counts(app: FastAPI, *names: str) -> tuple[int, ...]:
    return tuple([await ask(app, f"SELECT count(*) FROM {name}") for name in names])  # noqa: S608  names of tables


async def assert_sound(app: FastAPI) -> None:
    """What holds whatever happened: one live owner for each address, no file and no conversation of nothing."""
    doubled = "SELECT kind || value FROM customer_identifier WHERE released_at IS NULL AND NOT shared GROUP BY 1"
    assert await ask(app, f"SELECT count(*) FROM ({doubled} HAVING count(*) > 1) AS doubled") == 0  # noqa: S608
    for orphans in (
        "customer AS c WHERE status = 'provisional' AND NOT EXISTS (SELECT FROM interaction WHERE customer_id = c.id)",
        "conversation AS c WHERE NOT EXISTS (SELECT FROM interaction WHERE conversation_id = c.id)",
        "inbound_request AS q WHERE status = 'filed' AND NOT EXISTS "
        "(SELECT FROM interaction WHERE inbound_request_id = q.id)",
        "interaction AS i JOIN conversation AS c ON c.id = i.conversation_id WHERE c.customer_id <> i.customer_id",
        "interaction AS i WHERE customer_id IS NOT NULL AND NOT EXISTS "
        "(SELECT FROM identity_journal WHERE interaction_id = i.id)",
        "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    ):
        assert await ask(app, f"SELECT count(*) FROM {orphans}") == 0, orphans  # noqa: S608


@asynccontextmanager
async def held(app: FastAPI, customer_id: str) -> AsyncIterator[None]:
    """Hold a customer's row meanwhile: whoever wants it queues up, first come, first served."""
    connection = await asyncpg.connect(tables(app).url)
    async with connection.transaction():
        await connection.execute("SELECT FROM customer WHERE id = $1 FOR UPDATE", customer_id)
        yield
    await connection.close()


async def until_waiting(app: FastAPI, number: int) -> None:
    """Wait until so many of the service's connections wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
    connection = await asyncpg.connect(tables(app).url)
    database = await connection.fetchval("SELECT current_database()")
    async with asyncio.timeout(5):
        while await connection.fetchval(query, database) < number:  # noqa: ASYNC110  the server does not tell
            await asyncio.sleep(0.01)
    await connection.close()


async def test_fifty_first_messages_of_one_sender_at_once_make_one_file(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await at_once(sms(client, f"SM{number}") for number in range(50))
    assert await counts(served, "customer", "customer_identifier", "conversation") == (1, 1, 1)
    assert await counts(served, "interaction", "inbound_request", "identity_journal") == (50, 50, 51)
    assert await ask(served, "SELECT count(*) FROM identity_journal WHERE rule = 'opened'") == 2
    assert await ask(served, "SELECT count(DISTINCT conversation_id) FROM interaction") == 1
    await assert_sound(served)


async def test_fifty_messages_of_a_known_sender_at_once_are_one_conversation(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    await at_once(sms(client, f"SM{number}") for number in range(50))
    (conversation,) = (await get_file(client, customer["id"]))["conversations"]
    assert (
        await ask(served, "SELECT count(*) FROM interaction WHERE conversation_id = $1::text::uuid", conversation["id"])
        == 50
    )
    assert await counts(served, "customer", "inbound_request") == (1, 50)
    await assert_sound(served)


@pytest.mark.parametrize("known", [True, False])
async def test_a_message_delivered_fifty_times_at_once_is_recorded_once(
    served: FastAPI, client: httpx.AsyncClient, known: bool
) -> None:
    if known:
        await make_customer(client, ("phone", PHONE))
    await at_once(sms(client, "SM1") for _ in range(50))
    assert await counts(served, "customer", "interaction", "inbound_request", "conversation") == (1, 1, 1, 1)
    assert await counts(served, "customer_identifier", "identity_journal") == (1, 2)
    await assert_sound(served)


async def test_a_message_without_a_sender_delivered_fifty_times_at_once_is_recorded_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await at_once(sms(client, "SM1", sender="anonymous") for _ in range(50))
    assert await counts(served, "customer", "interaction", "inbound_request", "conversation") == (0, 1, 1, 0)


async def test_a_name_brought_by_many_messages_at_once_is_taken_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    party = {"kind": "phone", "value": PHONE}
    await at_once(
        (
            client.post("/v1/interactions", json={"channel": "voice", "from": party | {"name": f"Maryam {number}"}})
            for number in range(20)
        ),
        201,
    )
    shown = (await client.get(f"/v1/customers/{customer['id']}")).json()
    assert shown["display_name"].startswith("Maryam")
    assert shown["version"] == customer["version"] + 1


async def test_forms_that_link_two_files_at_once_are_all_filed_and_suggest_the_pair_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    first = await make_customer(client, ("email", EMAIL))
    second = await make_customer(client, ("phone", PHONE))
    linked = [{"email": EMAIL, "phone": PHONE}, {"email": EMAIL, "phone": "+989350000001"}]
    linked += [{"email": "other@example.org", "phone": PHONE}, {"phone": PHONE}]
    await at_once((form(client, f"F{number}", **linked[number % 4]) for number in range(40)), 202)
    assert await counts(served, "customer", "interaction", "inbound_request") == (2, 40, 40)
    (suggestion,) = (await client.get("/v1/duplicates")).json()["items"]
    assert suggestion["customer_ids"] == sorted([first["id"], second["id"]])
    conflicts = "SELECT count(*) FROM identity_journal WHERE details ? 'conflicts_with'"
    assert await ask(served, conflicts) == 10
    await assert_sound(served)


async def test_forms_of_strangers_that_share_addresses_crosswise_never_wait_in_a_circle(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    pairs = [(email, phone) for email in range(6) for phone in range(6)]
    random.shuffle(pairs)
    await at_once(
        (
            form(client, f"F{email}-{phone}", email=f"user{email}@example.org", phone=f"+98935000000{phone}")
            for email, phone in pairs
        ),
        202,
    )
    assert await counts(served, "interaction", "customer_identifier") == (36, 12)
    pairs_suggested = "SELECT count(DISTINCT (customer_a_id, customer_b_id)) FROM duplicate_suggestion"
    assert await ask(served, pairs_suggested) == (await counts(served, "duplicate_suggestion"))[0]
    await assert_sound(served)


async def test_a_conflicting_form_delivered_twenty_times_at_once_is_journalled_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await make_customer(client, ("email", EMAIL))
    await make_customer(client, ("phone", PHONE))
    await at_once((form(client, "F1", email=EMAIL, phone=PHONE) for _ in range(20)), 202)
    assert await counts(served, "interaction", "inbound_request", "duplicate_suggestion") == (1, 1, 1)
    assert await ask(served, "SELECT count(*) FROM identity_journal WHERE details ? 'conflicts_with'") == 1


async def test_a_customer_made_while_its_first_messages_arrive_gets_them_or_is_refused(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    for number in range(10):
        phone = f"+98912000000{number}"
        body = {
            "identifiers": [{"kind": "phone", "value": phone}, {"kind": "email", "value": f"user{number}@example.org"}]
        }
        created, _ = await asyncio.gather(
            client.post("/v1/customers", json=body),
            at_once(sms(client, f"SM{number}-{part}", phone) for part in range(number, 10)),
        )
        assert created.status_code in (201, 409), created.text
        owner = (await client.get("/v1/lookup", params={"phone": phone})).json()["customer"]
        if created.status_code == 201:
            assert owner["id"] == created.json()["id"]
        else:
            assert created.json()["customer_ids"] == [owner["id"]]
        query = "SELECT count(*) FROM interaction WHERE customer_id = $1::text::uuid"
        assert await ask(served, query, owner["id"]) == 10 - number
    await assert_sound(served)


async def test_of_many_changes_to_one_version_one_is_made(client: httpx.AsyncClient) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    responses = await at_once(
        (
            client.patch(
                f"/v1/customers/{customer['id']}", json={"display_name": f"name {number}"}, headers={"If-Match": '"1"'}
            )
            for number in range(20)
        ),
        200,
        412,
    )
    (changed,) = [response.json() for response in responses if response.status_code == 200]
    shown = (await client.get(f"/v1/customers/{customer['id']}")).json()
    assert (shown["version"], shown["display_name"]) == (2, changed["display_name"])


async def test_changes_to_a_customer_and_its_messages_do_not_undo_each_other(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    path = f"/v1/customers/{customer['id']}"
    changes = (client.patch(path, json={"attributes": {f"k{number}": number}}) for number in range(20))
    await at_once([*changes, *(sms(client, f"SM{number}") for number in range(30))])
    shown = (await client.get(path)).json()
    assert shown["attributes"] == {f"k{number}": number for number in range(20)}
    assert shown["version"] == 21
    latest = "SELECT max(occurred_at) FROM interaction"
    assert datetime.fromisoformat(shown["last_contact_at"]) == await ask(served, latest)


async def test_two_batches_of_the_same_strangers_at_once_record_each_touch_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    def line(number: int) -> dict[str, Any]:
        sender = {"kind": "phone", "value": f"+9891200{number % 170:05}"}
        return {"channel": "sms", "external_id": f"m{number}", "text": "hello", "from": sender}

    first = [line(number) for number in range(500)]
    second = [line(number) for number in reversed(range(250, 750))]
    answers = [response.json() for response in await at_once([post_batch(client, first), post_batch(client, second)])]
    assert sum(answer["created"] for answer in answers) == 750
    assert sum(answer["known"] for answer in answers) == 250
    owners = {result["id"]: result["customer_id"] for answer in answers for result in answer["results"]}
    assert len(owners) == 750
    assert None not in owners.values()
    assert await counts(served, "interaction", "customer", "customer_identifier", "conversation") == (750,) + (170,) * 3
    await assert_sound(served)


async def test_batches_of_known_customers_in_any_order_do_not_wait_in_a_circle(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    phones = [f"+9891200000{number:02}" for number in range(40)]
    lines = [{"channel": "sms", "from": {"kind": "phone", "value": phone}} for phone in phones]
    await at_once([post_batch(client, lines)])
    batches = [random.sample(lines, len(lines)) for _ in range(12)]
    await at_once(post_batch(client, batch) for batch in batches)
    assert await counts(served, "interaction", "customer", "conversation") == (13 * 40, 40, 40)


async def test_batches_of_unfiled_touches_in_opposite_order_do_not_wait_in_a_circle(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    withheld = {"channel": "voice", "from": {"kind": "phone", "value": "anonymous"}}
    for attempt in range(5):
        lines = [withheld | {"external_id": f"{attempt}-{number}"} for number in range(500)]
        answers = await at_once(post_batch(client, lines[:: (-1) ** part]) for part in range(4))
        assert sum(answer.json()["created"] for answer in answers) == 500


async def test_messages_of_several_customers_in_one_request_may_come_in_any_order(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials={"app_secret": "s"})
    senders = [f"98912000000{number}" for number in range(10)]
    batches = [random.sample(senders, 10) for _ in range(24)]
    for request in (False, True):  # strangers first, then known ones
        await at_once(
            client.post(
                "/v1/ingest/whatsapp",
                **whatsapp_texts({f"wamid.{request}-{number}-{sender}": sender for sender in batch}, secret="s"),
            )
            for number, batch in enumerate(batches)
        )
    assert await counts(served, "interaction", "inbound_request") == (480, 48)
    assert await counts(served, "customer", "customer_identifier", "conversation") == (10, 20, 10)
    await assert_sound(served)


async def test_a_conversation_past_its_window_ends_once_and_one_begins(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    await sms(client, "SM0")
    await ask(served, "UPDATE conversation SET last_at = now() - interval '73 hours'")
    await at_once(sms(client, f"SM{number}") for number in range(1, 31))
    states = "SELECT array_agg(status ORDER BY id) FROM conversation"
    assert await ask(served, states) == ["closed", "open"]
    (conversation,) = (await get_file(client, customer["id"]))["conversations"]
    query = "SELECT count(*) FROM interaction WHERE conversation_id = $1::text::uuid"
    assert await ask(served, query, conversation["id"]) == 30
    await assert_sound(served)


async def test_a_touch_filed_elsewhere_while_messages_arrive_leaves_both_files_whole(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    other = await make_customer(client)
    touches = [await tell(client, ("phone", PHONE), channel="sms", external_id=f"t{number}") for number in range(10)]
    refilings = (
        client.post(f"/v1/interactions/{touch['id']}/file", json={"customer_id": other["id"]}) for touch in touches
    )
    await at_once([*refilings, *(sms(client, f"SM{number}") for number in range(20))])
    query = "SELECT count(*) FROM interaction WHERE customer_id = $1::text::uuid"
    assert await ask(served, query, other["id"]) == 10
    assert await ask(served, query, touches[0]["customer_id"]) == 20
    assert await counts(served, "customer", "interaction") == (2, 30)


async def test_an_address_released_while_its_messages_arrive_belongs_to_one_file_at_a_time(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    path = f"/v1/customers/{customer['id']}/identifiers/{customer['identifiers'][0]['id']}"
    before = [sms(client, f"SM{number}") for number in range(20)]
    after = [sms(client, f"SM{number}") for number in range(20, 40)]
    await at_once([*before, client.delete(path), *after], 200, 204)
    await at_once([sms(client, "SM40")])
    assert await counts(served, "customer", "interaction") == (2, 41)
    new_owner = (await client.get("/v1/lookup", params={"phone": PHONE})).json()["customer"]
    assert new_owner["id"] != customer["id"]
    await assert_sound(served)


@pytest.mark.parametrize("fields", [{}, {"phone": PHONE}], ids=["known", "linked"])
async def test_a_message_on_the_way_while_its_customer_is_erased_does_not_bring_the_person_back(
    served: FastAPI, client: httpx.AsyncClient, fields: dict[str, str]
) -> None:
    customer = await make_customer(client, ("email", EMAIL))
    path = f"/v1/customers/{customer['id']}"
    async with held(served, customer["id"]):
        erasure = asyncio.create_task(client.delete(path))
        await until_waiting(served, 1)
        message = asyncio.create_task(form(client, "F1", email=EMAIL, name="Maryam", **fields))
        await until_waiting(served, 2)
    await at_once([erasure, message], 202, 204)
    shown = (await client.get(path)).json()
    assert (shown["status"], shown["display_name"], shown["identifiers"]) == ("anonymized", None, [])
    assert (await client.get(f"{path}/timeline")).json()["items"] == []
    successor = (await client.get("/v1/lookup", params={"email": EMAIL})).json()
    assert successor["customer"]["id"] != customer["id"]
    assert len(successor["recent_interactions"]) == 1
    await assert_sound(served)


async def test_an_address_added_by_hand_while_a_message_brings_it_does_not_wait_in_a_circle(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    customer = await make_customer(client, ("email", EMAIL))
    body = {"kind": "phone", "value": PHONE}
    async with held(served, customer["id"]):
        addition = asyncio.create_task(client.post(f"/v1/customers/{customer['id']}/identifiers", json=body))
        await until_waiting(served, 1)
        message = asyncio.create_task(form(client, "F1", email=EMAIL, phone=PHONE))
        await until_waiting(served, 2)
    await at_once([addition, message], 201, 202)
    assert await counts(served, "customer", "customer_identifier", "interaction") == (1, 2, 1)


async def test_conflicting_messages_do_not_wait_in_a_circle_with_those_of_the_other_files(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    """Requests to one WhatsApp account carry messages of several senders; here their numbers belong to others."""
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials={"app_secret": "s"})
    numbers = [f"98912000000{number}" for number in range(8)]
    for number in numbers:
        await make_customer(client, ("phone", f"+{number}"))
    await make_customer(client, *(("whatsapp", f"+{number}") for number in numbers))
    lines = [{"channel": "sms", "from": {"kind": "phone", "value": f"+{number}"}} for number in numbers]
    for request in range(10):
        chats = {f"wamid.{request}-{number}": number for number in random.sample(numbers, 8)}
        await at_once(
            [
                client.post("/v1/ingest/whatsapp", **whatsapp_texts(chats, secret="s")),
                *(post_batch(client, random.sample(lines, 8)) for _ in range(3)),
            ]
        )
    assert await counts(served, "interaction", "customer", "duplicate_suggestion") == (320, 9, 8)
    await assert_sound(served)


async def test_receipts_that_come_at_once_in_any_order_move_a_message_forward_only(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials={"app_secret": "s"})
    sent = [f"wamid.{number}" for number in range(20)]
    customer = {"kind": "whatsapp", "value": "+989120000001"}
    touch = {"channel": "whatsapp", "direction": "outbound", "source": "whatsapp", "to": customer}
    await at_once([post_batch(client, [touch | {"external_id": each} for each in sent])])
    reports = [(status, random.sample(sent, 20)) for status in ("sent", "delivered", "read") for _ in range(6)]
    random.shuffle(reports)
    await at_once(
        client.post("/v1/ingest/whatsapp", **whatsapp_statuses(dict.fromkeys(ids, status), secret="s"))
        for status, ids in reports
    )
    assert await ask(served, "SELECT array_agg(DISTINCT status) FROM interaction") == ["read"]


async def test_a_request_repeated_at_once_under_one_idempotency_key_is_done_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "k1"}
    responses = await at_once((client.post("/v1/customers", json={}, headers=headers) for _ in range(20)), 201, 409)
    assert await counts(served, "customer") == (1,)
    made = {response.json()["id"] for response in responses if response.status_code == 201}
    assert len(made) == 1


async def test_a_kept_request_read_again_many_times_at_once_is_filed_once(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    await make_source(client, "whatsapp_cloud", name="whatsapp", credentials={"app_secret": "s"})
    await client.post("/v1/ingest/whatsapp", **whatsapp_texts({"wamid.1": "989120000001"}, secret="s"))
    await ask(served, "DELETE FROM identity_journal")
    await ask(served, "DELETE FROM interaction")
    await ask(served, "UPDATE inbound_request SET status = 'quarantined'")
    kept = (await client.get("/v1/inbound-requests")).json()["items"][0]["id"]
    await at_once((client.post(f"/v1/inbound-requests/{kept}/replay") for _ in range(10)), 200, 409)
    assert await counts(served, "interaction", "inbound_request") == (1, 1)
    assert await ask(served, "SELECT status FROM inbound_request") == "filed"

"""Following the feed: every committed change once, in order, whatever writes at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.changes import positions, service
from app.changes.feed import Feed
from app.changes.models import ChangeType
from app.changes.positions import Position
from app.core.db import Database
from tests.conftest import open_client
from tests.core.test_errors import assert_problem
from tests.factories import make_customer, make_key, merge, tell

Client = httpx.AsyncClient
Change = dict[str, Any]
random = Random(7)


@pytest.fixture
async def client(served: FastAPI) -> AsyncIterator[Client]:
    async with open_client(served) as client:
        yield client


@pytest.fixture
def feed(served: FastAPI) -> Feed:
    feed: Feed = served.state.feed
    return feed


@pytest.fixture
def tables(served: FastAPI) -> Database:
    database: Database = served.state.database
    return database


async def read(client: Client, **parameters: Any) -> dict[str, Any]:
    response = await client.get("/v1/changes", params=parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def read_all(client: Client, after: str | None = None, **parameters: Any) -> tuple[list[Change], str]:
    """Every change from there to the end, and the end."""
    items: list[Change] = []
    while True:
        page = await read(client, **({"after": after} if after else {}), **parameters)
        after = page["next_cursor"]
        if not page["items"]:
            return items, str(after)
        items += page["items"]


def types(changes: list[Change]) -> list[str]:
    return [change["type"] for change in changes]


@asynccontextmanager
async def unfinished(database: Database, subject: UUID) -> AsyncIterator[None]:
    """A transaction that has told something, and goes on."""
    async with database.session() as session:
        service.tell(session, ChangeType.customer_updated, subject, subject, fields=[])
        await session.flush()
        yield


async def test_changes_come_oldest_first_and_the_end_is_a_place_to_read_on_from(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    first = await read(client, limit=1)
    rest = await read(client, after=first["next_cursor"])
    assert types(first["items"] + rest["items"]) == ["customer.created", "identifier.added"]
    assert first["items"][0]["id"] == first["next_cursor"]
    assert {change["customer_id"] for change in first["items"] + rest["items"]} == {customer["id"]}
    end = await read(client, after=rest["next_cursor"])
    assert end["items"] == []
    await client.patch(f"/v1/customers/{customer['id']}", json={"given_name": "Ali"})
    assert types((await read(client, after=end["next_cursor"]))["items"]) == ["customer.updated"]
    assert len((await read(client))["items"]) == 3


async def test_what_a_slow_transaction_told_first_is_not_passed_over(client: Client, tables: Database) -> None:
    slow = uuid4()
    async with unfinished(tables, slow):
        quick = await make_customer(client)
        waiting, end = await read_all(client)
        assert waiting == []  # it was committed, but something may still come before it
    changes, _ = await read_all(client, end)
    assert [change["customer_id"] for change in changes] == [str(slow), quick["id"]]


async def test_what_was_rolled_back_is_never_told_and_holds_nothing_up(client: Client, tables: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with unfinished(tables, uuid4()):
            raise ZeroDivisionError
    customer = await make_customer(client)
    changes, _ = await read_all(client)
    assert [change["customer_id"] for change in changes] == [customer["id"]]


async def test_many_writers_and_readers_lose_nothing_double_nothing_and_agree_on_the_order(
    client: Client, tables: Database
) -> None:
    subjects = [uuid4() for _ in range(120)]
    written = asyncio.Event()
    places = asyncio.Semaphore(3)

    async def write(subject: UUID) -> None:
        async with places, unfinished(tables, subject):
            await asyncio.sleep(random.choice((0, 0, 0.002, 0.05)))

    async def follow(limit: int) -> list[Change]:
        changes: list[Change] = []
        after = None
        while True:
            done = written.is_set()
            new, after = await read_all(client, after, limit=limit)
            changes += new
            if done:
                return changes
            await asyncio.sleep(0)

    async def write_all() -> None:
        async with unfinished(tables, subjects[0]):
            await asyncio.gather(*map(write, subjects[1:60]))
        await asyncio.gather(*map(write, subjects[60:]))
        written.set()

    *followed, _ = await asyncio.gather(*map(follow, (1, 7, 1000)), write_all())
    afterwards, _ = await read_all(client)
    assert sorted(change["subject_id"] for change in afterwards) == sorted(map(str, subjects))
    for changes in followed:
        assert changes == afterwards


async def test_only_the_types_and_the_customer_asked_for_are_shown_and_the_rest_is_passed(client: Client) -> None:
    ali, sara = [await make_customer(client, ("phone", f"+98912123456{n}")) for n in range(2)]
    await tell(client, ("phone", "+989121234561"))
    added, _ = await read_all(client, types="identifier.added", limit=1)
    assert [change["customer_id"] for change in added] == [ali["id"], sara["id"]]
    sara_only, end = await read_all(client, customer_id=sara["id"])
    assert types(sara_only) == ["customer.created", "identifier.added", "interaction.received"]
    assert len((await read(client, types=["customer.created,identifier.added", "customer.erased"]))["items"]) == 4
    assert await read_all(client, end) == ([], (await read(client, after=end))["next_cursor"])


async def test_a_file_is_followed_by_any_of_its_ids_through_merging_and_parting(client: Client) -> None:
    kept, merged = (await make_customer(client))["id"], (await make_customer(client))["id"]
    own, _ = await read_all(client, customer_id=merged)
    merge_id = (await merge(client, kept, merged))["merge_id"]
    by_either = [(await read_all(client, customer_id=each))[0] for each in (kept, merged)]
    assert types(by_either[0]) == ["customer.created", "customer.created", "customer.merged"]
    assert by_either[0] == by_either[1]
    assert (await client.post(f"/v1/merges/{merge_id}/undo")).status_code == 200
    parted, _ = await read_all(client, customer_id=merged)
    assert (parted[:-1], parted[-1]["type"]) == (own, "customer.unmerged")


async def test_what_is_asked_for_is_found_behind_thousands_of_others(client: Client, tables: Database) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    others = """
        INSERT INTO change (type, customer_id, subject_id, data, at)
        SELECT 'interaction.received', gen_random_uuid(), gen_random_uuid(), '{}', now() FROM generate_series(1,3500)"""
    async with tables.hot() as connection:
        await connection.execute(others)
    sara = await make_customer(client)
    assert types((await read_all(client, types="customer.created", limit=1))[0]) == ["customer.created"] * 2
    assert types((await read_all(client, customer_id=sara["id"]))[0]) == ["customer.created"]
    assert types((await read_all(client, customer_id=ali["id"]))[0]) == ["customer.created", "identifier.added"]
    everything, _ = await read_all(client, limit=999)
    assert len({change["id"] for change in everything}) == len(everything) == 3503


async def test_from_now_on_means_what_is_committed_later(client: Client, tables: Database) -> None:
    await make_customer(client)
    async with unfinished(tables, subject := uuid4()):
        now = (await read(client, after="now"))["next_cursor"]
    assert [change["subject_id"] for change in (await read(client, after=now))["items"]] == [str(subject)]


async def test_waiting_ends_with_the_change_and_holds_no_connection(client: Client, feed: Feed) -> None:
    end = (await read(client))["next_cursor"]
    waits = [asyncio.create_task(read(client, after=end, wait=30)) for _ in range(20)]
    while feed._waiting < len(waits):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    customer = await make_customer(client)  # twenty would have taken every connection
    async with asyncio.timeout(5):
        pages = await asyncio.gather(*waits)
    assert {page["items"][0]["customer_id"] for page in pages} == {customer["id"]}
    assert feed._waiting == 0


async def test_waiting_for_what_does_not_come_ends_in_time_with_a_usable_position(client: Client) -> None:
    async with asyncio.timeout(5):
        page = await read(client, after="now", wait=0.3, types="customer.merged")
        waiting = asyncio.create_task(read(client, after=page["next_cursor"], wait=0.5, types="customer.erased"))
        await make_customer(client)  # wakes, but is not what was asked for
        assert (await waiting)["items"] == []
    assert types((await read(client, after=page["next_cursor"]))["items"]) == ["customer.created"]


async def test_whoever_leaves_is_waited_for_no_longer(feed: Feed) -> None:
    async def is_gone() -> bool:
        return True

    position = await feed.position("now")
    async with asyncio.timeout(5):
        await feed.wait(position, 60, is_gone)
    waiting = asyncio.create_task(feed.wait(position, 60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert feed._waiting == 0


async def test_a_closing_service_answers_those_who_wait(client: Client, feed: Feed) -> None:
    waiting = asyncio.create_task(read(client, after="now", wait=60))
    while not feed._waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    feed.close()
    async with asyncio.timeout(5):
        assert (await waiting)["items"] == []


async def test_a_place_before_what_is_kept_is_refused(client: Client, feed: Feed, tables: Database) -> None:
    await make_customer(client)
    old = (await read(client, limit=1))["items"][0]["id"]
    await make_customer(client)
    async with tables.hot() as connection:
        await connection.execute("UPDATE change SET at = at - interval '91 days 1 minute' WHERE number = 1")
    await feed.forget()
    assert len((await read_all(client))[0]) == 1
    place, cluster = positions.read(old)
    outdated = positions.write(Position(place.transaction, place.number, place.at - 91 * 86400), cluster)
    for path in ("/v1/changes", "/v1/changes/stream"):
        assert_problem(await client.get(path, params={"after": outdated}), 410, "cursor_expired")


async def test_a_place_in_another_cluster_or_in_a_future_that_was_undone_is_refused(client: Client) -> None:
    end = (await read(client))["next_cursor"]
    place, cluster = positions.read(end)
    for foreign in (
        positions.write(place, cluster ^ 1),
        positions.write(Position(place.transaction + 1000, 0, place.at), cluster),
        positions.write(Position(2**64 - 1, 2**63 - 1, place.at), cluster),
    ):
        for path in ("/v1/changes", "/v1/changes/stream"):
            assert_problem(await client.get(path, params={"after": foreign}), 410, "cursor_expired")


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/changes/stream"])
async def test_what_is_no_place_at_all_is_refused(client: Client, path: str) -> None:
    for nonsense in ("x", "é", "AAAA", "%00"):
        assert_problem(await client.get(path, params={"after": nonsense}), 400, "bad_cursor")
    assert_problem(await client.get(path, params={"before": "x"}), 400, "unknown_parameter")
    assert_problem(await client.get(path, params={"types": "customer.died"}), 422, "validation_failed")


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/changes/stream"])
async def test_following_needs_a_key_that_may_read(served: FastAPI, client: Client, path: str) -> None:
    async with open_client(served, headers={}) as stranger:
        assert_problem(await stranger.get(path), 401, "unauthorized")
        key = await make_key(client, "read")
        response = await stranger.get("/v1/changes", headers=key["authorization"])
        assert response.status_code == 200


async def test_a_dump_restored_into_a_younger_cluster_is_readable_and_goes_on(client: Client, tables: Database) -> None:
    before = [str(uuid4()) for _ in range(3)]
    async with tables.hot() as connection:
        for number, subject in enumerate(before):
            await connection.execute(
                "INSERT INTO change (transaction, type, subject_id, data, at) "
                "VALUES ($1, 'customer.created', $2, '{}', now())",
                2**40 + number,
                UUID(subject),
            )
    customer = await make_customer(client)
    changes, _ = await read_all(client)
    assert [change["subject_id"] for change in changes] == [*before, customer["id"]]

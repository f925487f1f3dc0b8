"""Whatever is created, written, merged, undone and filed by hand: every message is in one file, and undoing all merges
leaves what there would be without them."""

import asyncio
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.core.embedded import EmbeddedPostgres
from app.core.secrets import SecretBox
from app.main import create_app, furnish
from tests.conftest import SECRET, SavepointDatabase, make_settings, open_client
from tests.factories import all_pages, make_customer, tell

_ASTRAY = (
    "interaction AS i JOIN conversation AS c ON c.id = i.conversation_id WHERE c.customer_id <> i.customer_id",
    "conversation_reference AS r JOIN conversation AS c ON c.id = r.conversation_id "
    "WHERE c.customer_id <> r.customer_id",
    "customer_alias AS a JOIN customer AS c ON c.id = a.id",
)
addresses = st.sampled_from([("phone", f"+98912123456{number}") for number in range(4)])


class Files(RuleBasedStateMachine):
    """The service, and beside it what should be true: whose each address and message is when nothing is merged."""

    url: str
    app: FastAPI
    files = Bundle("files")
    messages = Bundle("messages")
    merges = Bundle("merges")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.created: dict[str, dict[str, Any]] = {}
        self.address_of: dict[tuple[str, str], str] = {}
        self.message_of: dict[str, str] = {}
        self.into: dict[str, str] = {}
        self.done: list[tuple[str, list[str]]] = []
        self.run(self.open())

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    async def open(self) -> None:
        self.engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(self.url), poolclass=NullPool
        )
        self.connection = await self.engine.connect()
        self.transaction = await self.connection.begin()
        self.driver: Any = (await self.connection.get_raw_connection()).driver_connection
        furnish(self.app, make_settings(), SavepointDatabase(self.url, self.connection, self.driver), SecretBox(SECRET))
        self.client: httpx.AsyncClient = await open_client(self.app).__aenter__()

    async def close(self) -> None:
        await self.client.aclose()
        await self.transaction.rollback()
        await self.connection.close()
        await self.engine.dispose()

    def root(self, id_: str) -> str:
        while id_ in self.into:
            id_ = self.into[id_]
        return id_

    @rule(target=files, address=st.none() | addresses)
    def create(self, address: tuple[str, str] | None) -> Any:
        if address in self.address_of:
            return multiple()
        number = len(self.created)
        fields = {"display_name": f"number {number}", "attributes": {"all": [number], f"own {number}": number}}
        customer = self.run(make_customer(self.client, *([address] if address else []), **fields))
        self.created[customer["id"]] = fields
        if address:
            self.address_of[address] = customer["id"]
        return customer["id"]

    @rule(target=messages, address=addresses, channel=st.sampled_from(["sms", "voice", "email"]))
    def write(self, address: tuple[str, str], channel: str) -> str:
        told = self.run(tell(self.client, address, channel=channel))
        if address in self.address_of:
            assert told["customer_id"] == self.root(self.address_of[address])
        else:
            self.address_of[address] = told["customer_id"]
        self.message_of[told["id"]] = self.address_of[address]
        return str(told["id"])

    @rule(target=messages, file=files)
    def tell_by_id(self, file: str) -> str:
        told = self.run(tell(self.client, customer_id=file))
        assert told["customer_id"] == self.root(file)
        self.message_of[told["id"]] = self.root(file)
        return str(told["id"])

    @rule(target=merges, survivor=files, others=st.lists(files, min_size=1, max_size=2, unique=True))
    def merge(self, survivor: str, others: list[str]) -> Any:
        response = self.run(self.client.post(f"/v1/customers/{survivor}/merge", json={"customer_ids": others}))
        roots = [self.root(each) for each in (survivor, *others)]
        assert response.status_code == (200 if len(set(roots)) == len(roots) else 409), response.text
        if response.status_code == 409:
            return multiple()
        assert response.json()["id"] == roots[0]
        self.into |= dict.fromkeys(roots[1:], roots[0])
        self.done.append((response.json()["merge_id"], roots[1:]))
        return response.json()["merge_id"]

    @rule(merge_id=consumes(merges))
    def undo(self, merge_id: str) -> None:
        losers = dict(self.done)
        if merge_id not in losers:
            return
        response = self.run(self.client.post(f"/v1/merges/{merge_id}/undo"))
        survivor = self.root(losers[merge_id][0])
        on_top = [later for later, theirs in self.done if self.root(theirs[0]) == survivor]
        if on_top[-1] == merge_id:
            assert response.status_code == 200, response.text
            self.forget(merge_id)
        else:
            assert (response.status_code, response.json()["merge_id"]) == (409, on_top[-1])

    def forget(self, merge_id: str) -> None:
        for loser in dict(self.done)[merge_id]:
            del self.into[loser]
        self.done = [each for each in self.done if each[0] != merge_id]

    @rule(message=messages, file=files)
    def file_by_hand(self, message: str, file: str) -> None:
        response = self.run(self.client.post(f"/v1/interactions/{message}/file", json={"customer_id": file}))
        assert response.status_code == 200, response.text
        assert response.json()["customer_id"] == self.root(file)
        if self.root(self.message_of[message]) != self.root(file):
            self.message_of[message] = self.root(file)

    @invariant()
    def every_message_is_in_the_one_file_it_should_be_in(self) -> None:
        shown = self.run(all_pages(self.client, "/v1/interactions", limit=200))
        found = {each["id"]: each["customer_id"] for each in shown}
        assert found == {message: self.root(owner) for message, owner in self.message_of.items()}
        for astray in _ASTRAY:
            assert self.run(self.driver.fetchval(f"SELECT count(*) FROM {astray}")) == 0, astray  # noqa: S608

    def teardown(self) -> None:
        try:
            for merge_id, _ in reversed(self.done.copy()):
                response = self.run(self.client.post(f"/v1/merges/{merge_id}/undo"))
                assert response.status_code == 200, response.text
                self.forget(merge_id)
            self.every_message_is_in_the_one_file_it_should_be_in()
            for id_, fields in self.created.items():
                self.assert_as_created(id_, fields)
        finally:
            self.run(self.close())
            self.runner.close()

    def assert_as_created(self, id_: str, fields: dict[str, Any]) -> None:
        shown = self.run(self.client.get(f"/v1/customers/{id_}")).json()
        assert shown["id"] == id_
        assert shown["merged_ids"] == []
        assert {name: shown[name] for name in fields} == fields
        own = {address for address, owner in self.address_of.items() if owner == id_}
        assert {(each["kind"], each["value"]) for each in shown["identifiers"]} == own


def test_files_are_as_if_nothing_had_been_merged_when_all_is_undone(server: EmbeddedPostgres) -> None:
    Files.app = create_app(make_settings(), "postgresql://nowhere", SECRET)
    Files.url = server.create_database("machine", template="onefile")
    run_state_machine_as_test(
        Files,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    server.drop_database("machine")

"""Imports beside each other, beside messages, and through a crash: on real pools and commits."""

import asyncio

import pytest
from fastapi import FastAPI

from app.core.jobs import drain
from app.imports import service
from app.imports.jobs import handlers
from app.imports.schemas import ImportOptions
from app.imports.service import Desk, Upload
from app.imports.writing import Writer
from tests.conftest import open_client
from tests.factories import tell
from tests.imports.files import count_customers, results, send


def listed(numbers: range) -> str:
    return "name,phone\n" + "".join(f"N{n},+98912{n:07d}\n" for n in numbers)


async def test_imports_and_messages_of_the_same_people_at_once_make_one_file_each(served: FastAPI) -> None:
    lists = [listed(range(100)), "name,phone\n" + "\n".join(reversed(listed(range(100)).splitlines()[1:]))]
    async with open_client(served) as client:
        answers = await asyncio.gather(
            *(send(client, text) for text in lists),
            *(tell(client, ("phone", f"+98912{n:07d}")) for n in range(0, 100, 5)),
        )
        assert [answer["status"] for answer in answers[:2]] == ["finished", "finished"]
        assert await count_customers(client) == 100


async def test_a_crashed_import_goes_on_where_it_stopped(served: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 0)
    monkeypatch.setattr(service, "_CHUNK", 10)
    desk: Desk = served.state.desk
    write = Writer.write

    async def dying(self: Writer, people: list[object], done: int) -> None:
        if done == 20:
            raise ConnectionError
        await write(self, people, done)  # type: ignore[arg-type]

    async with open_client(served) as client:
        answer = await send(client, listed(range(35)))
        with monkeypatch.context() as broken:
            broken.setattr(Writer, "write", dying)
            with pytest.raises(ConnectionError):
                await service.run(desk, answer["id"])
        halfway = (await client.get(f"/v1/imports/{answer['id']}")).json()
        assert (halfway["status"], halfway["done"]) == ("running", 20)
        await service.run(desk, answer["id"])
        whole = (await client.get(f"/v1/imports/{answer['id']}")).json()
        assert (whole["status"], whole["done"], whole["counts"]["created"]) == ("finished", 35, 35)
        assert [row["line"] for row in await results(client, answer)] == list(range(2, 37))


async def test_two_who_work_at_one_import_do_each_row_once(served: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_CHUNK", 10)
    desk: Desk = served.state.desk
    upload = Upload(listed(range(50)).encode(), None, "text/csv")
    record, _ = await service.accept(desk, upload, ImportOptions(), actor=None, alone=True)
    await asyncio.gather(service.run(desk, record.id), service.run(desk, record.id))
    record = await service.get(desk, record.id)
    assert (record.done, record.counts["created"], record.counts["unchanged"]) == (50, 50, 0)


async def test_the_job_does_a_large_import_and_its_undoing(served: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 10)
    monkeypatch.setattr("app.imports.undo.AT_ONCE", 10)
    async with open_client(served) as client:
        answer = await send(client, listed(range(30)))
        assert answer["status"] == "running"
        await drain(served.state.database, handlers(served.state.desk))
        assert (await client.get(f"/v1/imports/{answer['id']}")).json()["status"] == "finished"
        assert (await client.post(f"/v1/imports/{answer['id']}/undo")).status_code == 202
        await drain(served.state.database, handlers(served.state.desk))
        assert (await client.get(f"/v1/imports/{answer['id']}")).json()["status"] == "undone"
        assert await count_customers(client) == 0

"""The store of files: content is its own name."""

import asyncio
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.storage import Storage

CONTENT = "رسید".encode()


@pytest.fixture(params=["directory", "file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    urls = {"directory": str(tmp_path / "media"), "file": f"file://{tmp_path}/media", "memory": f"memory://{uuid4()}"}
    return Storage(urls[request.param])


async def test_content_is_kept_under_its_hash(storage: Storage) -> None:
    key = await storage.put(CONTENT)
    assert key == sha256(CONTENT).hexdigest()
    assert await storage.get(key) == CONTENT


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    assert await storage.get(await storage.put(b"")) == b""


async def test_what_is_not_there_is_said_not_to_be_there(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        await storage.get(sha256(CONTENT).hexdigest())


async def test_removed_content_is_gone_and_may_come_again(storage: Storage) -> None:
    key = await storage.put(CONTENT)
    other = await storage.put(b"other")
    await storage.remove(key)
    with pytest.raises(FileNotFoundError):
        await storage.get(key)
    assert await storage.get(other) == b"other"
    assert await storage.put(CONTENT) == key
    assert await storage.get(key) == CONTENT


async def test_removing_what_is_gone_already_is_no_mistake(storage: Storage) -> None:
    await storage.remove(sha256(CONTENT).hexdigest())


async def test_what_is_put_aside_can_be_brought_back_or_discarded(storage: Storage) -> None:
    key = await storage.put(CONTENT)
    for _ in range(2):
        await storage.put_aside(key, "1")
    with pytest.raises(FileNotFoundError):
        await storage.get(key)
    for _ in range(2):
        await storage.bring_back(key, "1")
        assert await storage.get(key) == CONTENT
    await storage.put_aside(key, "1")
    for _ in range(2):
        await storage.discard(key, "1")
    await storage.bring_back(key, "1")
    with pytest.raises(FileNotFoundError):
        await storage.get(key)


async def test_what_was_put_anew_outlives_what_was_put_aside(storage: Storage) -> None:
    key = await storage.put(CONTENT)
    await storage.put_aside(key, "1")
    await storage.put(CONTENT)
    await storage.put_aside(key, "2")
    await storage.discard(key, "1")
    await storage.bring_back(key, "2")
    assert await storage.get(key) == CONTENT


async def test_the_same_content_put_at_once_from_many_sides_is_whole(storage: Storage) -> None:
    content = bytes(range(256)) * 4000
    keys = await asyncio.gather(*(storage.put(content) for _ in range(20)))
    assert len(set(keys)) == 1
    assert await storage.get(keys[0]) == content


def files_in(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file()]


async def test_the_same_content_takes_room_once(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    for _ in range(2):
        await asyncio.gather(*(storage.put(CONTENT) for _ in range(10)))
    assert files_in(tmp_path) == [sha256(CONTENT).hexdigest()]


async def test_another_store_on_the_same_place_finds_what_one_kept(tmp_path: Path) -> None:
    key = await Storage(str(tmp_path)).put(CONTENT)
    assert await Storage(f"file://{tmp_path}").get(key) == CONTENT

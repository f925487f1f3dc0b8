"""The floor: what the service's hot routes would cost if a request were nothing but its SQL.

A bare ASGI application on bare asyncpg: the same statements, the same rows, over connections with the same settings; no
framework, no keys, no signatures, no validation, no logs.
"""

import asyncio
import gc
import json
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import uvicorn

from app.config import Settings
from app.core.db import Database
from app.core.ids import uuid7
from app.customers.queries import FILE, LOOKUP
from app.ingest.queries import FILE_KNOWN
from app.text.folding import fold

_ZONE = "UTC"
_WINDOW = timedelta(hours=72)
_FILE_PREFIX = len("/v1/customers/")
_UUID = 36
_CHUNK = 1000


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        return ""


class Floor:
    """Answers `/v1/customers/{id}/file`, `/v1/lookup?phone=`, `POST /v1/ingest/{source}` and batches."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool: asyncpg.Pool
        self._database = Database(url, Settings(_env_file=None))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/v1/customers/"):
            document = await self._fetch(FILE, _ZONE, path[_FILE_PREFIX : _FILE_PREFIX + _UUID])
            await _answer(send, b"application/json", document.encode())
        elif path == "/v1/lookup":
            phone = "+" + scope["query_string"].partition(b"%2B")[2].decode()
            document = await self._fetch(LOOKUP, _ZONE, "phone", phone)
            await _answer(send, b"application/json", document.encode())
        elif path == "/v1/interactions/batch":
            created = await self._batch(await _body(receive))
            await _answer(send, b"application/json", json.dumps({"created": created}).encode())
        elif path.startswith("/v1/ingest/"):
            await self._ingest(path.rpartition("/")[2], scope["headers"], await _body(receive))
            await _answer(send, b"text/xml", b"<Response/>")
        else:
            await _answer(send, b"text/plain", b"")

    async def _fetch(self, statement: str, *arguments: Any) -> str:
        async with self.pool.acquire() as connection:
            return str(await connection.fetchval(statement, *arguments, column=1))

    async def _ingest(self, source: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        fields = dict(parse_qsl(body.decode()))
        request = (
            uuid7(),
            source,
            "twilio_sms",
            "POST",
            "",
            b"",
            json.dumps({name.decode("latin-1"): value.decode("latin-1") for name, value in headers}),
            body,
            sha256(b"POST\n\n\n" + body).digest(),
        )
        row = json.dumps([_sms(source, fields)])
        async with self.pool.acquire() as connection:
            (record,) = await connection.fetch(FILE_KNOWN, row, *request, _WINDOW)
        assert record["outcome"] == "created"

    async def _batch(self, body: bytes) -> int:
        """Of known senders only; while the database files one chunk, the next one is read."""
        lines = body.split(b"\n")
        chunks = [lines[start : start + _CHUNK] for start in range(0, len(lines), _CHUNK)]
        connection = await self._database.connect()
        created = 0
        reading = asyncio.create_task(asyncio.to_thread(_told, chunks[0]))
        for following in [*chunks[1:], []]:
            rows = await reading
            reading = asyncio.create_task(asyncio.to_thread(_told, following))
            records = await connection.fetch(FILE_KNOWN, rows, *(None,) * 9, _WINDOW)
            created += sum(record["outcome"] == "created" for record in records)
        await connection.close()
        return created

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with _pool_like_the_service(self.url) as self.pool:
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _told(lines: list[bytes]) -> str:
    return json.dumps([_told_row(number, json.loads(line)) for number, line in enumerate(lines)])


def _told_row(number: int, line: dict[str, Any]) -> dict[str, Any]:
    row = _row(line["source"], line["external_id"], line["from"]["value"], line["to"]["value"], line["text"])
    return row | {"n": number, "occurred_at": line["occurred_at"]}


def _sms(source: str, fields: dict[str, str]) -> dict[str, Any]:
    row = _row(source, fields["MessageSid"], fields["From"], fields["To"], fields["Body"])
    return row | {"provider": "twilio_sms", "attributes": {"segments": int(fields["NumSegments"])}}


def _row(source: str, external_id: str, sender: str, recipient: str, text: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "n": 0,
        "id": str(uuid7()),
        "kinds": ["phone"],
        "identifiers": [sender],
        "thread": "pair",
        "pair_key": recipient,
        "channel": "sms",
        "direction": "inbound",
        "kind": "message",
        "status": "received",
        "source": source,
        "external_id": external_id,
        "occurred_at": now,
        "received_at": now,
        "text": text,
        "language": "fa",
        "sender_kind": "phone",
        "sender_value": sender,
        "recipient_kind": "phone",
        "recipient_value": recipient,
        "search_words": fold(text),
    }


async def _body(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body


async def _answer(send: Any, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _pool_like_the_service(url: str) -> Any:
    """Bare asyncpg, with the pool size and the connection settings that a hot connection of the service really has."""
    settings = Settings(_env_file=None)
    database = Database(url, settings)
    await database.open()
    async with database.hot() as connection:
        rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE source = 'client'")
    await database.close()
    server_settings = {row["name"]: row["setting"] for row in rows if row["name"] != "client_encoding"}
    size = settings.hot_pool_size
    async with asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connection_class=_Connection,
        max_cacheable_statement_size=0,
        server_settings=server_settings,
    ) as pool:
        yield pool


def serve() -> None:
    """Under uvicorn as `onefile serve` runs it."""
    uvicorn.run(
        Floor(os.environ["FLOOR_DATABASE_URL"]),
        port=int(os.environ["FLOOR_PORT"]),
        access_log=False,
        log_config=None,
        server_header=False,
    )


if __name__ == "__main__":
    serve()

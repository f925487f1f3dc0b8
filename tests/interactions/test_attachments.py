"""Files are handed out so that no browser runs what a stranger sent."""

from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import uuid7
from app.core.storage import Storage
from app.interactions.attachments import OPAQUE, sniffed
from app.interactions.models import Attachment, AttachmentState
from tests.core.test_errors import assert_problem
from tests.factories import tell

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0\x1f\x15\xc4\x89"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


class Shelf:
    """Puts files beside an interaction, as ingest does."""

    def __init__(self, client: httpx.AsyncClient, session: AsyncSession, storage: Storage) -> None:
        self.client = client
        self.session = session
        self.storage = storage

    async def put(self, content: bytes | None = PNG, told: str = "image/png", **fields: Any) -> UUID:
        interaction = await tell(self.client, ("phone", "+989121234567"))
        attachment = Attachment(
            interaction_id=UUID(interaction["id"]),
            content_type=sniffed(content or b"", told),
            storage_key=None if content is None else await self.storage.put(content),
            **{"state": AttachmentState.stored} | fields,
        )
        self.session.add(attachment)
        await self.session.flush()
        return attachment.id

    async def take(self, *args: Any, **fields: Any) -> httpx.Response:
        return await self.client.get(f"/v1/attachments/{await self.put(*args, **fields)}")


@pytest.fixture
def shelf(app: FastAPI, client: httpx.AsyncClient, session: AsyncSession) -> Shelf:
    return Shelf(client, session, app.state.intake.storage)


async def test_a_file_is_handed_out_as_it_came(shelf: Shelf) -> None:
    response = await shelf.take(name="plan.png")
    assert (response.status_code, response.content) == (200, PNG)
    assert (response.headers["content-type"], response.headers["content-length"]) == ("image/png", str(len(PNG)))


async def test_no_browser_runs_guesses_frames_or_shares_a_file(shelf: Shelf) -> None:
    headers = (await shelf.take()).headers
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"].startswith("private")


@pytest.mark.parametrize(
    "name",
    [
        "plan.png",
        "نقشهٔ خانه.png",
        "מסמך.pdf",
        'a "quoted" name.png',
        "it's; filename=evil.exe",
        "new\r\nSet-Cookie: session=1",
        "../../etc/passwd",
        "100 %.png",
        "smile 🙂.png",
        "a\\b.png",
    ],
)
async def test_a_name_of_any_letters_comes_back_whole(shelf: Shelf, name: str) -> None:
    response = await shelf.take(name=name)
    disposition = response.headers["content-disposition"]
    before, _, quoted = disposition.partition("filename*=UTF-8''")
    assert before == "attachment; "
    assert unquote(quoted, errors="strict") == name
    assert not set(quoted) & set("\"'; \\/\r\n")
    assert "set-cookie" not in response.headers


async def test_a_file_without_a_name_gets_its_id(shelf: Shelf) -> None:
    attachment_id = await shelf.put()
    response = await shelf.client.get(f"/v1/attachments/{attachment_id}")
    assert str(attachment_id) in response.headers["content-disposition"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HTML, "text/html"),
        (HTML, "image/png"),
        (HTML, "text/plain"),
        (SVG, "image/svg+xml"),
        (SVG, "image/png"),
        (b'<?xml version="1.0"?>' + SVG, "image/png"),
        (b"alert(1)", "text/javascript"),
        (b"words", "text/html; charset=utf-8"),
        (b"words", "TEXT/HTML"),
        (b"words", "Image/SVG+XML"),
        (b"words", "application/xhtml+xml"),
        (b"words", "text/xml"),
        (b"words", "image/png\r\nSet-Cookie: a=b"),
        (b"words", "image/" + "x" * 200),
        (b"words", ""),
    ],
)
async def test_what_a_browser_would_run_is_never_shown_as_such(shelf: Shelf, content: bytes, told: str) -> None:
    response = await shelf.take(content, told)
    assert response.status_code == 200
    kind = response.headers["content-type"]
    assert kind == OPAQUE or (told == "text/plain" and kind.startswith("text/plain"))


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
async def test_a_type_that_slipped_into_the_table_is_not_shown_either(shelf: Shelf, kind: str) -> None:
    attachment_id = await shelf.put()
    attachment = await shelf.session.get_one(Attachment, attachment_id)
    attachment.content_type = kind
    await shelf.session.flush()
    response = await shelf.client.get(f"/v1/attachments/{attachment_id}")
    assert response.headers["content-type"] == OPAQUE


@pytest.mark.parametrize(
    ("content", "told", "shown"),
    [
        (PNG, "application/octet-stream", "image/png"),
        (PNG, "text/html", "image/png"),
        (b"%PDF-1.4\n%\xe2\xe3", "image/png", "application/pdf"),
        (b"GIF89a\1\0\1\0\0\0\0", "image/png", "image/gif"),
        ("سلام".encode(), "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        (b"\x01\x02\x03", "audio/amr", "audio/amr"),
    ],
)
async def test_the_bytes_tell_the_type_before_the_sender_does(
    shelf: Shelf, content: bytes, told: str, shown: str
) -> None:
    assert (await shelf.take(content, told)).headers["content-type"] == shown


@given(content=st.binary(max_size=200), told=st.text(max_size=120))
def test_no_bytes_break_the_recognition_of_types(content: bytes, told: str) -> None:
    kind = sniffed(content, told)
    assert kind.isascii()
    assert kind.isprintable()
    assert 0 < len(kind) <= 100


async def test_a_file_nobody_knows_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get(f"/v1/attachments/{uuid7()}"), 404, "not_found")
    assert_problem(await client.get("/v1/attachments/none"), 422, "validation_failed")


async def test_a_file_the_provider_still_keeps_is_to_be_asked_for_later(shelf: Shelf) -> None:
    assert_problem(await shelf.take(None, state=AttachmentState.pending), 409, "attachment_pending")


async def test_a_file_that_could_not_be_had_says_why(shelf: Shelf) -> None:
    response = await shelf.take(None, state=AttachmentState.failed, reason="status 404")
    assert "status 404" in assert_problem(response, 410, "attachment_failed")["detail"]


async def test_a_file_that_is_lost_is_gone(shelf: Shelf) -> None:
    content = uuid7().bytes
    attachment_id = await shelf.put(content)
    attachment = await shelf.session.get_one(Attachment, attachment_id)
    await shelf.storage.remove(attachment.storage_key or "")
    assert_problem(await shelf.client.get(f"/v1/attachments/{attachment_id}"), 410, "attachment_failed")


async def test_nobody_gets_a_file_without_a_key(shelf: Shelf, stranger: httpx.AsyncClient) -> None:
    attachment_id = await shelf.put()
    response = await stranger.get(f"/v1/attachments/{attachment_id}")
    assert response.status_code == 401
    assert PNG not in response.content

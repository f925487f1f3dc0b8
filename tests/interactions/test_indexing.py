from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.interactions.indexing import make_searchable
from tests.conftest import SavepointDatabase
from tests.factories import make_customer, tell

_WORDS = "SELECT tsvector_to_array(search_words) FROM {} WHERE id = :id"


def _from(name: str) -> dict[str, Any]:
    return {"from": {"kind": "phone", "value": "+989121234567", "name": name}}


async def _words(session: AsyncSession, table: str, row_id: str) -> set[str]:
    found = await session.scalar(text(_WORDS.format(table)), {"id": row_id})
    return set(found or ())


async def test_a_message_is_indexed_by_the_folded_words_of_subject_and_text(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    told = await tell(client, ("email", "ali@example.ir"), channel="email", subject="سفارش ۱۲", text="كي می‌رسد؟ Ελλάς")

    assert await _words(session, "interaction", told["id"]) == {
        *("سفارش", "12", "کی", "میرسد", "می", "رسد", "ελλασ"),
    }


async def test_a_file_opened_by_a_message_is_indexed_by_the_name_in_it(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    told = await tell(client, channel="sms", **_from("علي رضا"))

    assert await _words(session, "customer", told["customer_id"]) == {"علی", "رضا", "علیرضا"}


async def test_a_known_customer_is_indexed_by_a_name_that_a_message_brings(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"), given_name="Maryam")
    await tell(client, channel="sms", **_from("Maryam K."))

    assert await _words(session, "customer", customer["id"]) == {"maryam", "k", "maryamk"}

    await tell(client, channel="sms", **_from("Another"))

    assert await _words(session, "customer", customer["id"]) == {"maryam", "k", "maryamk"}


async def test_a_customer_is_indexed_by_every_name_it_is_given(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    customer = await make_customer(client, display_name="Dr. Sára", family_name="O'Neil")

    assert await _words(session, "customer", customer["id"]) == {"dr", "sara", "drsara", "oneil", "o", "neil"}

    await client.patch(f"/v1/customers/{customer['id']}", json={"display_name": "Sára", "family_name": None})

    assert await _words(session, "customer", customer["id"]) == {"sara"}


async def test_what_is_forgotten_cannot_be_found_by_its_words(client: httpx.AsyncClient, session: AsyncSession) -> None:
    customer = await make_customer(client, display_name="Ali")
    told = await tell(client, customer_id=customer["id"], text="secret")
    await client.delete(f"/v1/customers/{customer['id']}")

    assert await _words(session, "customer", customer["id"]) == set()
    assert await _words(session, "interaction", told["id"]) == set()


async def test_rows_from_before_the_search_are_indexed_by_the_job(
    client: httpx.AsyncClient, session: AsyncSession, database: SavepointDatabase
) -> None:
    customer = await make_customer(client, display_name="Ali", family_name="Rezai")
    told = await tell(client, customer_id=customer["id"], subject="Order", text="late")
    for table in ("customer", "interaction"):
        await session.execute(text(f"UPDATE {table} SET search_words = NULL"))  # noqa: S608  a constant

    await make_searchable(database)

    assert await _words(session, "customer", customer["id"]) == {"ali", "rezai"}
    assert await _words(session, "interaction", told["id"]) == {"order", "late"}


async def test_a_mail_of_any_size_is_recorded_and_found_by_its_beginning(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    told = await tell(
        client,
        ("email", "ali@example.ir"),
        text=" ".join(f"کلمه‌{number}" for number in range(40_000)) + "\x00",
    )

    words = await _words(session, "interaction", told["id"])
    assert "کلمه1" in words
    assert len(words) < 20_000

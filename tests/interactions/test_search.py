from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.searching import Effort, search_page
from app.interactions.models import Interaction
from app.interactions.schemas import InteractionQuery
from app.interactions.service import search_for
from tests.factories import all_pages, make_customer, make_source, tell

Client = httpx.AsyncClient


async def found(client: Client, q: str, **filters: Any) -> list[str]:
    return [each["text"] for each in await all_pages(client, "/v1/interactions", q=q, **filters)]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("سفارش من نرسيد", "نرسید"),
        ("سفارش من نرسيد", "من سفا"),
        ("کد تخفیف کار نمی‌کند", "نمیکند"),
        ("کد تخفیف کار نمی‌کند", "نمی کند"),
        ("کد تخفیف کار نمی کند", "نمی‌کند"),
        ("فاکتور ۱۲۳۴۵", "12345"),
        ("L'homme n'est pas arrivé", "homme arrive"),
        ("שָׁלוֹם לכולם", "שלום"),
        ("write to ali@example.ir", "ali@example.ir"),
    ],
)
async def test_a_message_is_found_by_its_words_however_they_are_written(client: Client, text: str, typed: str) -> None:
    await tell(client, ("phone", "+989121234567"), text=text)
    await tell(client, ("phone", "+989121234567"), text="nothing of the kind")

    assert await found(client, typed) == [text]


async def test_all_words_must_be_there_and_only_the_last_may_be_unfinished(client: Client) -> None:
    await tell(client, ("phone", "+989121234567"), subject="Delivery", text="order late")

    assert await found(client, "delivery order la") == ["order late"]
    assert await found(client, "deliv order") == []
    assert await found(client, "order early") == []
    assert await found(client, "?!") == []


async def test_a_search_is_joined_with_the_other_filters(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    await tell(client, ("phone", "+989121234567"), text="one order", occurred_at="2026-01-01T00:00:00Z")
    await tell(client, ("phone", "+989351234567"), text="two orders", occurred_at="2026-01-02T00:00:00Z")
    await tell(client, ("phone", "+989121234567"), text="three orders", channel="visit")

    assert await found(client, "order") == ["three orders", "two orders", "one order"]
    assert await found(client, "order", customer_id=ali["id"]) == ["three orders", "one order"]
    assert await found(client, "order", channel="visit") == ["three orders"]
    assert await found(client, "order", occurred_before="2026-01-01T12:00:00Z") == ["one order"]
    assert await found(client, "order", occurred_after="2026-01-01T12:00:00Z") == ["three orders", "two orders"]


async def test_a_message_in_pieces_is_found_by_the_words_of_every_piece(client: Client) -> None:
    await make_source(client, "vonage_sms", name="vonage", settings={"scheme": "none"})
    for number, text in ((2, "second"), (1, "first ")):
        query = {"msisdn": "989351112233", "to": "447700900451", "messageId": f"part-{number}", "text": text}
        query |= {"message-timestamp": "2026-03-21 08:30:00", "concat-ref": "201"}
        query |= {"concat": "true", "concat-total": "2", "concat-part": str(number)}
        assert (await client.get("/v1/ingest/vonage", params=query)).is_success

    assert await found(client, "first second") == ["first second"]


@pytest.mark.parametrize(
    "effort",
    [
        Effort(few=2, often=9, most=100, many=3),
        Effort(few=2, often=9, most=3, many=5),
        Effort(few=2, often=1, many=3),
        Effort(),
    ],
    ids=["by the index", "by some", "by looking through", "at once"],
)
@pytest.mark.parametrize(("typed", "every"), [("order", 1), ("thi", 3), ("fourth order", 4), ("nothing", 100)])
async def test_every_effort_finds_the_same_messages_in_the_same_order(
    client: Client, session: AsyncSession, effort: Effort, typed: str, every: int
) -> None:
    for number in range(1, 21):
        words = ["order", *(["third"] if number % 3 == 0 else []), *(["fourth"] if number % 4 == 0 else [])]
        await tell(
            client,
            ("phone", "+989121234567"),
            text=" ".join(words),
            external_id=str(number),
            occurred_at=f"2026-01-{number:02}T00:00:00Z",
        )

    items: list[int] = []
    query = InteractionQuery(q=typed, limit=3)
    while True:
        page = await search_page(
            session, search_for(query), query, Interaction.occurred_at, Interaction.id, effort=effort
        )
        items += [int(each.external_id) for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query = InteractionQuery(q=typed, limit=3, cursor=page["next_cursor"])

    assert items == [number for number in range(20, 0, -1) if number % every == 0]

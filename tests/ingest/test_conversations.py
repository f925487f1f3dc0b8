"""What belongs together: mails tied by their headers in any order of arrival, and messages between the same two."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import open_client
from tests.factories import all_pages, make_source, tell
from tests.ingest.test_concurrency import ask, assert_sound

Client = httpx.AsyncClient
MAIL = "http://onefile.test/v1/ingest/office"
CREDENTIALS = {"username": "relay", "password": "12345"}
ALI = "ali@example.ir"
BOX = {
    "2606": ("0f40",),
    "6f27": ("2606",),
    "d6e4": ("0f40",),
    "4f8d": (),
    "8abc": ("4f8d",),
    "f93e": ("caa3", "a965"),
    "5c43": ("caa3", "a965", "f93e"),
    "1800": ("caa3", "a965", "f93e", "5c43"),
    "a29a": ("d6e4",),
    "f906": ("0f40",),
}
"""Mail::Thread 2.55, first test box: mails and their references, some of which nobody ever saw."""
THREADS = [{"2606", "6f27", "d6e4", "a29a", "f906"}, {"4f8d", "8abc"}, {"f93e", "5c43", "1800"}]
random = Random(1)


async def connect(client: Client) -> None:
    await make_source(client, "raw_mime", name="office", credentials=CREDENTIALS)


async def mail(
    client: Client,
    message_id: str,
    references: Sequence[str] = (),
    *,
    subject: str | None = None,
    sender: str = ALI,
    sent_at: datetime | None = None,
) -> None:
    """The last of the references is the mail this one answers."""
    thread = "".join(f" <{each}@example.ir>" for each in references)
    answers = f"References:{thread}\r\nIn-Reply-To: <{references[-1]}@example.ir>\r\n" if references else ""
    date = f"Date: {sent_at:%a, %d %b %Y %H:%M:%S} +0000\r\n" if sent_at else ""
    response = await client.post(
        MAIL,
        auth=("relay", "12345"),
        headers={"Content-Type": "message/rfc822"},
        content=f"From: {sender}\r\nTo: office@example.org\r\nMessage-ID: <{message_id}@example.ir>\r\n{answers}{date}"
        f"Subject: {f'About {message_id}' if subject is None else subject}\r\n\r\ntext of {message_id}\r\n",
    )
    assert response.is_success, response.text


async def threads(client: Client) -> list[set[str]]:
    """The mails of each conversation, by the first part of their ids."""
    found: dict[str | None, set[str]] = {}
    for item in await all_pages(client, "/v1/interactions"):
        found.setdefault(item["conversation_id"], set()).add(item["text"].removeprefix("text of "))
    assert None not in found
    conversations = {each["id"] for each in await all_pages(client, "/v1/conversations")}
    assert conversations == found.keys()
    return sorted(found.values(), key=sorted)


@pytest.mark.parametrize("order", list(permutations("abcd")), ids="".join)
async def test_mails_of_one_thread_meet_in_any_order(client: Client, order: Sequence[str]) -> None:
    await connect(client)
    answered = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}
    for each in order:
        await mail(client, each, answered[each])
    assert await threads(client) == [set("abcd")]


@pytest.mark.parametrize("order", [[*BOX], [*reversed(BOX)], *(random.sample([*BOX], len(BOX)) for _ in range(8))])
async def test_threads_do_not_depend_on_the_order_of_arrival(client: Client, order: Sequence[str]) -> None:
    await connect(client)
    for each in order:
        await mail(client, each, BOX[each])
    assert await threads(client) == sorted(THREADS, key=sorted)


async def test_siblings_of_a_mail_nobody_saw_are_one_conversation(client: Client) -> None:
    await connect(client)
    for each in ("1", "2", "3"):
        await mail(client, each, ["unseen", *("1" for _ in range(each == "3"))])
    assert await threads(client) == [{"1", "2", "3"}]


async def test_a_joined_conversation_spans_all_its_mails(client: Client) -> None:
    await connect(client)
    now = datetime.now(UTC).replace(microsecond=0)
    await mail(client, "c", ["b"], sent_at=now - timedelta(minutes=1))
    await mail(client, "a", sent_at=now - timedelta(minutes=3))
    await mail(client, "b", ["a"], sent_at=now - timedelta(minutes=2))
    (conversation,) = await all_pages(client, "/v1/conversations")
    assert datetime.fromisoformat(conversation["first_at"]) == now - timedelta(minutes=3)
    assert datetime.fromisoformat(conversation["last_at"]) == now - timedelta(minutes=1)


@pytest.mark.parametrize("days", [0, 30])
async def test_a_reply_joins_the_mail_another_system_told_however_old(client: Client, days: int) -> None:
    await connect(client)
    told = await tell(
        client,
        channel="email",
        direction="outbound",
        to={"kind": "email", "value": ALI},
        external_id="<ours@example.ir>",
        subject="Your order",
        text="text of ours",
        source="shop",
        occurred_at=(datetime.now(UTC) - timedelta(days=days)).isoformat(),
    )
    assert told["conversation_id"] is not None
    await mail(client, "answer", ["ours"])
    assert await threads(client) == [{"answer", "ours"}]


@pytest.mark.parametrize(("hours", "conversations"), [(1, 1), (24 * 30, 2)])
async def test_the_same_subject_continues_a_conversation_within_the_window(
    client: Client, app: FastAPI, hours: int, conversations: int
) -> None:
    await connect(client)
    await mail(client, "1", subject="سفارش ۱۲")
    async with app.state.database.hot() as connection:
        await connection.execute("UPDATE conversation SET last_at = last_at - make_interval(hours => $1)", hours)
    await mail(client, "2", subject="پاسخ: سفارش ۱۲")
    await mail(client, "3", subject="Re: something else")
    assert len(await threads(client)) == conversations + 1


async def test_an_empty_subject_ties_nothing_together(client: Client) -> None:
    await connect(client)
    await mail(client, "1", subject="")
    await mail(client, "2", subject="Re:")
    assert await threads(client) == [{"1"}, {"2"}]


async def test_a_stranger_who_quotes_the_ids_of_a_thread_does_not_enter_it(client: Client) -> None:
    await connect(client)
    await mail(client, "1")
    await mail(client, "2", ["1"], sender="stranger@example.org", subject="Re: About 1")
    await mail(client, "3", ["1", "2"])
    assert await threads(client) == [{"1", "3"}, {"2"}]


async def test_two_first_mails_of_one_thread_at_once_are_one_conversation(served: FastAPI) -> None:
    async with open_client(served) as client:
        await connect(client)
        await asyncio.gather(mail(client, "1", ["unseen"]), mail(client, "2", ["unseen"]))
        assert await threads(client) == [{"1", "2"}]
    assert await ask(served, "SELECT count(*) FROM customer") == 1
    await assert_sound(served)


async def test_two_first_mails_on_one_subject_at_once_are_one_conversation(served: FastAPI) -> None:
    async with open_client(served) as client:
        await connect(client)
        await asyncio.gather(mail(client, "1", subject="Order"), mail(client, "2", subject="Re: Order"))
        assert await threads(client) == [{"1", "2"}]
    await assert_sound(served)


async def test_all_mails_of_a_box_at_once_form_its_threads(served: FastAPI) -> None:
    async with open_client(served) as client:
        await connect(client)
        await asyncio.gather(*(mail(client, each, BOX[each]) for each in random.sample([*BOX], len(BOX))))
        assert await threads(client) == sorted(THREADS, key=sorted)
    await assert_sound(served)

"""What a customer thinks of the service, in the customer file."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.factories import all_pages, get_file, give_feedback, make_customer, tell

PHONE = ("phone", "+989121234567")
Client = httpx.AsyncClient


async def feedback_in_file(client: Client, customer_id: str) -> dict[str, Any]:
    return dict((await get_file(client, customer_id))["feedback"])


async def answers(client: Client, *values: float, **score: Any) -> str:
    """One answer a day, the first the oldest; the customer's id."""
    for day, value in enumerate(values, start=1):
        scores = [{"measure": "csat", "value": value} | score]
        told = await give_feedback(client, PHONE, scores=scores, collected_at=f"2026-03-{day:02}T12:00:00Z")
    return str(told["customer_id"])


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL leaves out the last zeros of a second's fraction."""
    return {
        name: datetime.fromisoformat(value).astimezone(UTC) if name.endswith("_at") and value else value
        for name, value in row.items()
    }


async def test_whoever_never_answered_has_nothing_and_no_zeros(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    assert await feedback_in_file(client, customer["id"]) == {"latest": [], "averages": {}, "trend": {}}


async def test_the_latest_are_the_ten_newest_as_in_the_list(client: Client) -> None:
    touch = await tell(client, PHONE)
    customer_id = await answers(client, 3, 4, 5, 4)
    scores = [{"measure": "perception", "dimension": f"d{number}", "value": number} for number in range(1, 8)]
    fields = {"comment": "چه خوب", "interaction_id": touch["id"], "agent": "n.ahmadi", "order_reference": "1"}
    await give_feedback(client, PHONE, scores=scores, **fields)
    latest = (await feedback_in_file(client, customer_id))["latest"]
    rows = await all_pages(client, "/v1/feedback", customer_id=customer_id)
    assert len(rows) == 11
    assert [comparable(row) for row in latest] == [comparable(row) for row in rows[:10]]


async def test_averages_are_of_the_customers_own_answers(client: Client) -> None:
    customer_id = await answers(client, 4, 5, 3)
    await give_feedback(client, PHONE, scores=[{"measure": "nps", "value": 9}])
    await give_feedback(client, ("email", "b@example.org"), scores=[{"measure": "csat", "value": 1}])
    averages = (await feedback_in_file(client, customer_id))["averages"]
    assert averages == {
        "csat": {"value": 4, "n": 3, "scale": [1, 5]},
        "nps": {"value": 9, "n": 1, "scale": [0, 10]},
    }


async def test_averages_keep_questions_and_scales_apart(client: Client) -> None:
    await answers(client, 4, 5, dimension="empathy")
    await answers(client, 10, scale=[1, 10])
    customer_id = await answers(client, 2, 3)
    await answers(client, 6, 4, measure="perception", dimension="empathy")
    averages = (await feedback_in_file(client, customer_id))["averages"]
    assert averages == {
        "csat": {"value": 2.5, "n": 2, "scale": [1, 5]},
        "perception": {"value": 5, "n": 2, "scale": [1, 7]},
    }


@pytest.mark.parametrize(
    ("values", "score", "trend"),
    [
        ([4], {}, None),
        ([2, 4], {}, {"direction": "up", "recent": 4, "before": 2, "n": 1}),
        ([4, 2, 4, 1, 2], {}, {"direction": "down", "recent": 1.5, "before": 3, "n": 2}),
        ([1, 1, 5, 4, 4, 5, 4, 5], {}, {"direction": "up", "recent": 14 / 3, "before": 13 / 3, "n": 3}),
        ([4, 4.1], {}, {"direction": "flat", "recent": 4.1, "before": 4, "n": 1}),
        (
            [5, 2],
            {"measure": "ces", "lower_is_better": True},
            {"direction": "up", "recent": 2, "before": 5, "n": 1},
        ),
    ],
)
async def test_the_trend_compares_the_newest_with_as_many_before(
    client: Client, values: list[float], score: dict[str, Any], trend: dict[str, Any] | None
) -> None:
    customer_id = await answers(client, *values, **score)
    shown = (await feedback_in_file(client, customer_id))["trend"]
    expected = trend and trend | {name: pytest.approx(trend[name]) for name in ("recent", "before")}
    assert shown == {score.get("measure", "csat"): expected}


async def test_the_file_shows_open_recoveries(client: Client) -> None:
    feedback = await give_feedback(client, PHONE, scores=[{"measure": "nps", "value": 3}])
    await give_feedback(client, PHONE, scores=[{"measure": "nps", "value": 7}])
    (shown,) = (await get_file(client, feedback["customer_id"]))["recoveries"]
    (recovery,) = await all_pages(client, "/v1/recoveries")
    shown["second"], recovery["second"] = comparable(shown["second"]), comparable(recovery["second"])
    assert comparable(shown) == comparable({name: recovery[name] for name in shown})
    assert {"due_at", "overdue", "first_value", "owner", "note"} <= shown.keys()
    await client.patch(f"/v1/recoveries/{recovery['id']}", json={"outcome": "won_back"})
    assert (await get_file(client, feedback["customer_id"]))["recoveries"] == []

"""How many customers were let down, how fast, and how many were won back."""

from typing import Any

import httpx
import pytest

from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, give_feedback

Client = httpx.AsyncClient


async def summary(client: Client, **parameters: str) -> dict[str, Any]:
    response = await client.get("/v1/recoveries/summary", params=parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


@pytest.fixture
async def history(client: Client, database: SavepointDatabase) -> None:
    """Five tasks: closed after 1, 2, 3 and 40 hours, three of them won back; the fifth is open and late."""
    for number, (opened_at, hours, outcome, owner) in enumerate(
        [
            ("2026-03-01T00:00:00Z", 1, "won_back", "ann"),
            ("2026-03-31T21:00:00Z", 2, "won_back", "ann"),
            ("2026-04-02T00:00:00Z", 3, "not_won_back", "bob"),
            ("2026-04-03T00:00:00Z", 40, "won_back", "bob"),
            ("2026-04-04T00:00:00Z", None, None, None),
        ]
    ):
        sender, scores = ("email", f"a{number}@example.org"), [{"measure": "nps", "value": 3}]
        if number == 4:
            scores = [{"measure": "ces", "value": 5, "lower_is_better": True, "scale": [1, 5]}]
        await give_feedback(client, sender, scores=scores)
        if number in (0, 1, 4):
            again = [scores[0] | {"value": {0: 9, 1: 2, 4: 1}[number]}]
            await give_feedback(client, sender, scores=again)
        recovery = (await all_pages(client, "/v1/recoveries"))[0]
        body = {"owner": owner} | ({"outcome": outcome} if outcome else {})
        assert (await client.patch(f"/v1/recoveries/{recovery['id']}", json=body)).status_code == 200
        await database.driver.execute(
            f"""UPDATE recovery SET created_at = $2::text::timestamptz,
                       due_at = $2::text::timestamptz + interval '1 day',
                       closed_at = $2::text::timestamptz + interval '{hours or 0} hours' * CASE WHEN $3 THEN 1 END
                WHERE id = $1""",  # noqa: S608  constants
            recovery["id"],
            opened_at,
            hours is not None,
        )


@pytest.mark.usefixtures("history")
async def test_the_total_counts_times_and_outcomes(client: Client) -> None:
    total = (await summary(client))["total"]
    counts = {name: total[name] for name in ("opened", "open", "overdue", "closed", "closed_late")}
    assert counts == {"opened": 5, "open": 1, "overdue": 1, "closed": 4, "closed_late": 1}
    assert total["hours_to_close"] == {"median": 2.5, "p90": pytest.approx(28.9)}
    assert total["outcomes"] == {"won_back": 3, "not_won_back": 1, "unreachable": 0, "unfounded": 0}
    won_back = total["won_back"]
    assert (won_back["n"], won_back["of"], won_back["share"]) == (3, 4, 0.75)
    # Wilson (1927), 3 of 4 at 95 %.
    assert won_back["interval"]["low"] == pytest.approx(0.30064, abs=1e-4)
    assert won_back["interval"]["high"] == pytest.approx(0.95441, abs=1e-4)
    assert total["second_scores"] == {"n": 3, "better": 2}


@pytest.mark.usefixtures("history")
async def test_groups_are_by_reason_owner_or_month_of_the_zone(client: Client) -> None:
    def opened(document: dict[str, Any]) -> dict[str | None, int]:
        return {group["key"]: group["opened"] for group in document["groups"]}

    assert opened(await summary(client, group_by="reason")) == {"detractor": 4, "low_score": 1}
    assert opened(await summary(client, group_by="owner")) == {"ann": 2, "bob": 2, None: 1}
    assert opened(await summary(client, group_by="month")) == {"2026-03": 2, "2026-04": 3}
    tehran = await summary(client, group_by="month", time_zone="Asia/Tehran")
    assert opened(tehran) == {"2026-03": 1, "2026-04": 4}
    assert tehran["total"] == (await summary(client))["total"]
    ann = (await summary(client, group_by="owner"))["groups"][0]
    assert (ann["won_back"]["share"], ann["hours_to_close"]["median"]) == (1, 1.5)


@pytest.mark.usefixtures("history")
async def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(client: Client) -> None:
    period = {"from": "2026-04-02T00:00:00Z", "to": "2026-04-04T00:00:00Z"}
    assert (await summary(client, **period))["total"]["opened"] == 2
    days = {"from": "2026-04-01", "to": "2026-04-03"}
    assert (await summary(client, **days))["total"]["opened"] == 1
    assert (await summary(client, **days, time_zone="Asia/Tehran"))["total"]["opened"] == 2


async def test_without_recoveries_there_are_no_figures_and_no_zeros_in_their_place(client: Client) -> None:
    empty = await summary(client, group_by="month")
    assert empty["groups"] == []
    assert empty["total"]["opened"] == 0
    assert empty["total"]["hours_to_close"] == {"median": None, "p90": None}
    assert empty["total"]["won_back"] == {"n": 0, "of": 0, "share": None, "interval": None}


async def test_what_the_summary_does_not_know_is_refused(client: Client) -> None:
    for parameters, status, code in (
        ({"group_by": "colour"}, 422, "validation_failed"),
        ({"time_zone": "Mars"}, 422, "validation_failed"),
        ({"since": "2026-04-02T00:00:00Z"}, 400, "unknown_parameter"),
        ({"from": "2026-04-02", "to": "2026-04-02"}, 422, "unprocessable"),
    ):
        assert_problem(await client.get("/v1/recoveries/summary", params=parameters), status, code)


async def test_who_changes_the_first_answer_was_not_asked_again(
    client: Client, history: None, database: SavepointDatabase
) -> None:
    before = (await summary(client))["total"]["second_scores"]["n"]
    await database.driver.execute(
        "UPDATE recovery SET second_feedback_id = feedback_id WHERE second_feedback_id IS NOT NULL"
    )
    assert before > 0
    assert (await summary(client))["total"]["second_scores"] == {"n": 0, "better": 0}

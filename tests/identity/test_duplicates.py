"""Files that may be one person's: found by a scan and after each write, with reasons, never again once dismissed."""

import asyncio
import random
import time
from itertools import combinations
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.ids import uuid7
from app.core.jobs import SCAN_DUPLICATES, drain
from app.identity import duplicates
from app.identity.scanning import Scanned
from tests.conftest import open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer, merge
from tests.identity.people import population, written
from tests.identity.test_merge import suggest_pair
from tests.imports.files import send

Client = httpx.AsyncClient
MARYAM = {
    "given_name": "مریم",
    "family_name": "گلستانی",
    "attributes": {"date_of_birth": "1984-03-21", "city": "Shiraz"},
}


async def scan(client: Client) -> dict[str, Any]:
    response = await client.post("/v1/duplicates/scan")
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "finished"
    return dict(response.json())


async def suggested(client: Client, **filters: Any) -> dict[frozenset[str], dict[str, Any]]:
    pairs = await all_pages(client, "/v1/duplicates", status="open", **filters)
    return {frozenset(pair["customer_ids"]): pair for pair in pairs}


async def make(client: Client, **fields: Any) -> str:
    return str((await make_customer(client, **fields))["id"])


async def make_strangers(client: Client, count: int = 40) -> None:
    """People who are nobody's duplicates, so that frequencies mean something."""
    chance = random.Random(3)
    people = {known.person: known for known in population(count)}
    for known in list(people.values())[:count]:
        await make_customer(client, **written(known, chance))


async def test_people_are_found_again_through_slips_gaps_moves_and_other_scripts(client: Client) -> None:
    chance = random.Random(5)
    known = population(120)
    person = {await make(client, **written(each, chance)): each.person for each in known}
    counted = await scan(client)
    assert counted["customers"] == len(known)
    truth = {frozenset(pair) for pair in combinations(person, 2) if person[pair[0]] == person[pair[1]]}
    found = await suggested(client)
    right = len(found.keys() & truth)
    precision, recall = right / len(found), right / len(truth)
    assert 2 * precision * recall / (precision + recall) > 0.9
    sure = {pair for pair, told in found.items() if told["score"] >= 0.999}
    assert len(sure) > len(truth) / 3
    assert sure <= truth


@pytest.mark.parametrize(
    "other",
    [
        {"given_name": "Maryam", "family_name": "Golestani"},
        {"given_name": "گلستانی", "family_name": "مریم"},
        {"given_name": None, "family_name": None, "display_name": "Maryam Golestani"},
        {"given_name": "مریم", "family_name": "گلستانى"},
        {"attributes": {"birth_date": "21/03/1984", "city": "Shiraz"}},
        {"attributes": {"dob": "19840321", "city": "Shirz"}},
    ],
    ids=["in Latin letters", "names swapped", "one name", "Arabic letters", "another date form", "slips"],
)
async def test_one_person_written_in_two_ways_is_suggested(client: Client, other: dict[str, Any]) -> None:
    await make_strangers(client)
    ids = {await make(client, **MARYAM), await make(client, **MARYAM | other)}
    await scan(client)
    assert frozenset(ids) in await suggested(client)


@pytest.mark.parametrize(
    "other",
    [
        {"given_name": "پروانه", "attributes": {"date_of_birth": "1991-11-02", "city": "Shiraz"}},
        {"family_name": "رضایی", "attributes": {"date_of_birth": "1950-08-30", "city": "Shiraz"}},
    ],
    ids=["sisters", "namesakes"],
)
async def test_two_people_are_not_suggested_for_what_they_share(client: Client, other: dict[str, Any]) -> None:
    await make_strangers(client)
    ids = {await make(client, **MARYAM), await make(client, **MARYAM | other)}
    await scan(client)
    assert frozenset(ids) not in await suggested(client)


async def test_a_rare_name_is_stronger_evidence_than_a_common_one_and_the_reason_says_so(client: Client) -> None:
    for number in range(30):
        await make_customer(client, given_name=f"Guest{number}", family_name="Smith")
    birth = {"date_of_birth": "1971-05-06"}
    rare = {await make(client, given_name="Imogen", family_name="Ravenscroft", attributes=birth) for _ in range(2)}
    birth = {"date_of_birth": "1962-09-17"}
    common = {await make(client, given_name="Clement", family_name="Smith", attributes=birth) for _ in range(2)}
    await scan(client)
    found = await suggested(client)
    weights = {
        name: next(each for each in found[frozenset(ids)]["reasons"] if each["field"] == "family_name")
        for name, ids in (("rare", rare), ("common", common))
    }
    assert weights["rare"]["weight"] > weights["common"]["weight"] + 1
    assert weights["rare"]["text"] == "family name equal (2 of 34 have it)"
    assert weights["common"]["text"] == "family name equal (32 of 34 have it)"


async def test_pairs_are_found_by_the_id_of_a_file_that_was_merged_away(client: Client) -> None:
    await make_strangers(client)
    maryam, again, other = [await make(client, **MARYAM) for _ in range(3)]
    await scan(client)
    await merge(client, maryam, other)
    assert frozenset((maryam, again)) in await suggested(client, customer_id=maryam)
    assert await suggested(client, customer_id=other) == await suggested(client, customer_id=maryam)


async def test_dismissed_pairs_stay_so_and_what_is_no_longer_alike_is_withdrawn(client: Client) -> None:
    await make_strangers(client)
    maryam, again, third = [await make(client, **MARYAM) for _ in range(3)]
    await scan(client)
    found = await suggested(client, customer_id=maryam)
    assert set(found) == {frozenset((maryam, again)), frozenset((maryam, third))}
    await client.post(f"/v1/duplicates/{found[frozenset((maryam, again))]['id']}/dismiss")
    other = {"given_name": "Gideon", "family_name": "Biton", "attributes": {"date_of_birth": None, "city": None}}
    await client.patch(f"/v1/customers/{third}", json=other)
    await scan(client)
    assert await suggested(client, customer_id=maryam) == {}
    (dismissed,) = await all_pages(client, "/v1/duplicates", status="dismissed")
    assert set(dismissed["customer_ids"]) == {maryam, again}


async def test_a_scan_leaves_alone_what_a_message_suggested(client: Client) -> None:
    await suggest_pair(client)
    before = await suggested(client)
    await scan(client)
    assert await suggested(client) == before
    assert len(before) == 1


async def test_suggestions_are_filtered_by_score_and_file(client: Client) -> None:
    ids = [await make(client, **MARYAM) for _ in range(3)]
    await scan(client)
    assert len(await suggested(client, customer_id=ids[0])) == 2
    scores = [pair["score"] for pair in (await suggested(client)).values()]
    assert len(await suggested(client, min_score=min(scores))) == 3
    assert await suggested(client, min_score=1.0) == {}


async def test_persons_are_not_taken_for_organisations(client: Client) -> None:
    await make(client, display_name="Maryam Golestani", attributes={"city": "Shiraz"})
    await make(client, kind="organization", display_name="Maryam Golestani", attributes={"city": "Shiraz"})
    await scan(client)
    assert await suggested(client) == {}


async def test_the_latest_scan_is_shown(client: Client) -> None:
    assert (await client.get("/v1/duplicates/scan")).status_code == 404
    counted = await scan(client)
    assert (await client.get("/v1/duplicates/scan")).json() == counted


async def test_after_a_write_the_file_alone_is_compared(served: FastAPI) -> None:
    async with open_client(served) as client:
        maryam, again = await make(client, **MARYAM), await make(client, **MARYAM)
        await find(served)
        assert set(await suggested(client)) == {frozenset((maryam, again))}
        await client.patch(f"/v1/customers/{again}", json={"given_name": "Gideon", "family_name": "Biton"})
        await find(served)
        assert await suggested(client) == {}


async def test_a_pair_is_accepted_by_merging_it_and_that_can_be_undone(client: Client) -> None:
    await make_strangers(client)
    older, younger = [await make(client, **MARYAM) for _ in range(2)]
    await scan(client)
    pair = (await suggested(client))[frozenset((older, younger))]
    path = f"/v1/duplicates/{pair['id']}/accept"
    made = (await client.post(path)).json()
    assert (made["survivor_id"], made["customer_ids"]) == (older, [younger])
    assert (await client.get(f"/v1/customers/{younger}")).json()["id"] == older
    for decision in ("accept", "dismiss"):
        assert_problem(await client.post(f"/v1/duplicates/{pair['id']}/{decision}"), 409, "already_decided")
    assert (await client.post(f"/v1/merges/{made['id']}/undo")).status_code == 200
    assert (await client.get(f"/v1/customers/{younger}")).json()["id"] == younger


async def test_all_sure_pairs_are_accepted_together_and_each_person_ends_in_one_file(client: Client) -> None:
    await make_strangers(client)
    ids = [await make(client, **MARYAM) for _ in range(4)]
    twin = await make(client, **MARYAM | {"given_name": "پروانه"})
    await scan(client)
    accepted = (await client.post("/v1/duplicates/accept")).json()
    assert (accepted["finished"], accepted["min_score"]) == (True, 0.999)
    assert len(accepted["merge_ids"]) == accepted["merged"] >= 3
    current = {(await client.get(f"/v1/customers/{each}")).json()["id"] for each in ids}
    assert current == {ids[0]}
    assert (await client.get(f"/v1/customers/{twin}")).json()["id"] == twin
    for merge_id in reversed(accepted["merge_ids"]):
        assert (await client.post(f"/v1/merges/{merge_id}/undo")).status_code == 200
    assert [(await client.get(f"/v1/customers/{each}")).json()["id"] for each in ids] == ids


async def test_less_than_sure_must_be_asked_for(client: Client) -> None:
    await suggest_pair(client)
    assert (await client.post("/v1/duplicates/accept")).json()["merged"] == 0
    assert (await client.post("/v1/duplicates/accept?min_score=0.4")).json()["merged"] == 1
    assert_problem(await client.post("/v1/duplicates/accept?minscore=0"), 400, "unknown_parameter")


async def find(app: FastAPI) -> None:
    await drain(app.state.database, duplicates.handlers(app.state.database))


async def test_after_an_import_its_customers_are_compared(served: FastAPI) -> None:
    async with open_client(served) as client:
        head = "first name,last name,phone,birth date,city\n"
        rows = (f"مریم,گلستانی,+98912123456{n},1984-03-21,Shiraz\n" for n in range(2))
        await send(client, head + "".join(rows))
        await find(served)
        assert len(await suggested(client)) == 1


async def test_after_a_merge_and_its_undoing_the_files_concerned_are_compared(served: FastAPI) -> None:
    async with open_client(served) as client:
        maryam = await make(client, **MARYAM)
        await make(client, given_name="Gideon", family_name="Biton")
        nameless = await make(client, given_name=None, family_name=None)
        await find(served)
        assert await suggested(client) == {}
        again = await make(client, **MARYAM)
        await find(served)
        made = (await client.post(f"/v1/customers/{nameless}/merge", json={"customer_ids": [again]})).json()
        await find(served)
        assert set(await suggested(client)) == {frozenset((maryam, nameless))}
        assert (await client.post(f"/v1/merges/{made['merge_id']}/undo")).status_code == 200
        await find(served)
        assert set(await suggested(client)) == {frozenset((maryam, again))}


async def test_a_scan_asked_for_by_a_job_alone_is_begun(served: FastAPI) -> None:
    async with open_client(served) as client:
        pair = {await make(client, **MARYAM) for _ in range(2)}
        async with served.state.database.bulk() as connection:
            await connection.execute("DELETE FROM pgqueuer")
            await connection.execute(f"{SCAN_DUPLICATES}$1, 'UTF8')", str(uuid7()))
        await find(served)
        assert (await client.get("/v1/duplicates/scan")).json()["status"] == "finished"
        assert set(await suggested(client)) == {frozenset(pair)}


async def test_of_two_scans_at_once_one_runs_and_both_answer(served: FastAPI) -> None:
    async with open_client(served) as client:
        await make_strangers(client)
        answers = await asyncio.gather(*(client.post("/v1/duplicates/scan") for _ in range(3)))
        assert [each.status_code for each in answers] == [200, 200, 200]
        assert {each.json()["status"] for each in answers} == {"finished"}


async def test_a_scan_too_long_for_a_request_goes_on_in_the_background_where_it_stopped(
    served: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    async with open_client(served) as client:
        for known in population(25):
            await make(client, **written(known, chance))
        whole = await scan(client)
        expected = {pair: told["score"] for pair, told in (await suggested(client)).items()}
        monkeypatch.setattr("app.identity.scanning._CHUNK_OF_PAIRS", 10)
        monkeypatch.setattr("app.identity.scanning.time", Clock())
        stopped = await client.post("/v1/duplicates/scan")
        assert stopped.status_code == 202, stopped.text
        assert 0 < stopped.json()["compared"] < whole["compared"]
        monkeypatch.undo()
        await find(served)
        told = (await client.get("/v1/duplicates/scan")).json()
        counts = ("status", "customers", "compared", "suggested", "passed_over")
        assert [told[name] for name in counts] == [whole[name] for name in counts]
        assert told["id"] == stopped.json()["id"]
        assert {pair: told["score"] for pair, told in (await suggested(client)).items()} == expected


async def test_a_scan_that_broke_off_at_a_terminal_goes_on_there_when_it_is_run_again(
    served: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(scanned: Scanned) -> None:
        compared.append(scanned.compared)
        if breaks and scanned.compared > 40:
            raise OSError("no space left on device")

    compared: list[int] = []
    breaks, database = True, served.state.database
    chance = random.Random(5)
    async with open_client(served) as client:
        for known in population(25):
            await make(client, **written(known, chance))
        whole = await scan(client)
        expected = (await suggested(client)).keys()
        monkeypatch.setattr("app.identity.scanning._CHUNK_OF_PAIRS", 10)
        with pytest.raises(OSError, match="no space left"):
            await duplicates.run_to_the_end(database, show)
        broken_off = (await client.get("/v1/duplicates/scan")).json()
        assert (broken_off["status"], broken_off["compared"]) == ("failed", compared[-1])
        breaks = False
        assert await duplicates.run_to_the_end(database, show)
        told = (await client.get("/v1/duplicates/scan")).json()
        assert (told["id"], told["status"], told["compared"]) == (broken_off["id"], "finished", whole["compared"])
        assert (await suggested(client)).keys() == expected
        assert await duplicates.run_to_the_end(database, show)
        assert (await client.get("/v1/duplicates/scan")).json()["id"] != told["id"], "a finished one is done anew"


class Clock:
    """More than a second passes between two looks at it, so that a scan's time is over in the midst of it."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        self.now += 1.3
        return self.now


async def test_files_of_nothing_but_one_name_are_suggested_across_scripts(client: Client) -> None:
    one, other, third = [await make(client, display_name=name) for name in ("خالد", "Khaled", "Mahmoud")]
    known = await make(client, display_name="Khalid", identifiers=[{"kind": "phone", "value": "+96550000001"}])
    await scan(client)
    pairs = await suggested(client)
    assert frozenset((one, other)) in pairs
    assert not any(third in pair or known in pair for pair in pairs)

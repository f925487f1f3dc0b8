"""The public page on which customers answer: for everybody, in their language, once."""

import asyncio
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase, open_client
from tests.factories import all_pages, get_file, invite, make_customer, make_survey, tell

PHONE = ("phone", "+989121234567")
Client = httpx.AsyncClient
VOID = {"meta", "input", "br", "link"}


class Markup(HTMLParser):
    """Every element with its attributes and its text; asserts that tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.texts.setdefault(self._open[-1], []).append(data.strip())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag and found.items() >= attributes.items()]

    @property
    def ids(self) -> list[str]:
        return [str(found["id"]) for _, found in self.elements if "id" in found]


@pytest.fixture
async def customer_id(client: Client) -> str:
    return str((await make_customer(client, PHONE))["id"])


async def link_of(client: Client, customer_id: str, template: str = "nps", **fields: Any) -> str:
    survey = await make_survey(client, template)
    return str((await invite(client, survey["id"], customer_id, **fields))["link"])


async def page(client: Client, link: str, status: int = 200, **options: Any) -> Markup:
    response = await client.get(link, **options)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Markup(response.text)


async def send(client: Client, link: str, status: int = 303, /, **fields: str) -> httpx.Response:
    response = await client.post(link, data=fields)
    assert response.status_code == status, response.text
    return response


@pytest.mark.parametrize("template", ["csat", "nps", "ces", "expectation_perception", "service_diary"])
@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("fa", "rtl"), ("ar", "rtl"), ("he", "rtl")])
async def test_every_field_is_labelled_in_a_page_of_the_right_direction_without_script(
    client: Client, stranger: Client, customer_id: str, template: str, language: str, direction: str
) -> None:
    link = await link_of(client, customer_id, template, language=language)
    markup = await page(stranger, link)
    assert markup.all("html") == [{"lang": language, "dir": direction}]
    labelled = {each["for"] for each in markup.all("label")}
    fields = [each for each in markup.all("input") + markup.all("textarea") if each.get("type") != "hidden"]
    assert fields
    assert {each["id"] for each in fields} == labelled
    assert len(set(markup.ids)) == len(markup.ids)
    assert len(markup.all("fieldset")) == len(markup.texts["legend"])
    described = {name for found in markup.all("fieldset") for name in (found.get("aria-describedby") or "").split()}
    assert described <= set(markup.ids)
    assert markup.all("script") == []
    assert not any(name.startswith("on") or name == "style" for _, found in markup.elements for name in found)
    assert not any("src" in found for _, found in markup.elements)


async def test_it_says_nothing_of_itself_to_others(client: Client, stranger: Client, customer_id: str) -> None:
    link = await link_of(client, customer_id)
    for response in (await stranger.get(link), await stranger.get(link + "x"), await stranger.post(link)):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in response.headers["x-robots-tag"]


async def test_digits_are_the_languages_own(client: Client, stranger: Client, customer_id: str) -> None:
    link = await link_of(client, customer_id)
    for language, ten in (("en", "10"), ("fa", "۱۰"), ("ar", "١٠"), ("he", "10")):
        markup = await page(stranger, f"{link}?lang={language}")
        assert ten in markup.texts["label"]
        assert markup.all("input", type="radio", value="10")


async def test_the_language_is_the_picked_one_else_the_invitations_else_the_visitors(
    client: Client, stranger: Client, customer_id: str
) -> None:
    german = {"Accept-Language": "de-DE, he;q=0.5, ar-EG;q=0.9, fa;q=0"}
    diary = await make_survey(client, "service_diary")
    free = (await invite(client, diary["id"], customer_id))["link"]
    fixed = (await invite(client, diary["id"], customer_id, language="fa"))["link"]
    for address, headers, language in (
        (free, {}, "en"),
        (free, german, "ar"),
        (free, {"Accept-Language": ";;q=x,,"}, "en"),
        (fixed, german, "fa"),
        (f"{fixed}?lang=he", german, "he"),
        (f"{fixed}?lang=tr", german, "fa"),
    ):
        markup = await page(stranger, address, headers=headers)
        assert markup.all("html")[0]["lang"] == language
        others = {each["hreflang"] for each in markup.all("a")}
        assert others == {"en", "fa", "ar", "he"} - {language}


async def test_an_answer_becomes_feedback_of_its_invitation(client: Client, stranger: Client, customer_id: str) -> None:
    touch = await tell(client, PHONE, agent="counter 3")
    survey = await make_survey(client, "nps")
    told = {"interaction_id": touch["id"], "channel": "sms", "case_reference": "C-1", "language": "fa"}
    invitation = await invite(client, survey["id"], customer_id, **told)
    response = await send(stranger, invitation["link"], recommend="9", reason="خیلی خوب\r\nبود")
    assert response.headers["location"] == "?lang=fa"
    shown = (await client.get(f"/v1/invitations/{invitation['id']}")).json()
    assert shown["answers"] == {"recommend": 9, "reason": "خیلی خوب\nبود"}
    feedback = (await client.get(f"/v1/feedback/{shown['feedback_id']}")).json()
    assert feedback.items() >= told.items()
    assert feedback["comment"] == "خیلی خوب\nبود"
    assert (feedback["source"], feedback["external_id"], feedback["agent"]) == ("survey", invitation["id"], "counter 3")
    (score,) = feedback["scores"]
    assert (score["measure"], score["value"], score["scale"]) == ("nps", 9, [0, 10])
    thanks = await page(stranger, invitation["link"])
    assert thanks.texts["h1"] == ["سپاسگزاریم. پاسخ شما رسید."]


async def test_a_detractor_is_somebodys_task(client: Client, stranger: Client, customer_id: str) -> None:
    await send(stranger, await link_of(client, customer_id), recommend="2")
    (recovery,) = (await client.get("/v1/recoveries")).json()["items"]
    assert (recovery["customer_id"], recovery["first_value"]) == (customer_id, 2)


async def test_what_is_valid_is_kept_when_something_is_missing(
    client: Client, stranger: Client, customer_id: str
) -> None:
    link = await link_of(client, customer_id)
    markup = Markup((await send(stranger, link, 422, recommend="", reason="Too slow", _revision="0")).text)
    (summary,) = markup.all("div", role="alert")
    assert summary["aria-labelledby"] in markup.ids
    (to_question,) = [each for each in markup.all("a") if "hreflang" not in each]
    assert str(to_question["href"]).removeprefix("#") in markup.ids
    (group,) = markup.all("fieldset")
    assert (group["aria-invalid"], group["aria-required"]) == ("true", "true")
    assert markup.texts["title"][0].startswith("Error: ")
    assert await all_pages(client, "/v1/feedback") == []
    again = await page(stranger, link)
    assert again.texts["textarea"] == ["Too slow"]
    await send(stranger, link, recommend="5")
    (row,) = await all_pages(client, "/v1/feedback")
    assert (row["value"], row["comment"]) == (5, "Too slow")


@pytest.mark.parametrize(
    "fields", [{"recommend": "11"}, {"recommend": "-1"}, {"recommend": "9.5"}, {"recommend": "x\x00"}, {}]
)
async def test_what_was_not_offered_is_no_answer(
    client: Client, stranger: Client, customer_id: str, fields: dict[str, str]
) -> None:
    await send(stranger, await link_of(client, customer_id), 422, **fields)
    assert await all_pages(client, "/v1/feedback") == []


async def test_choices_and_optional_questions(client: Client, stranger: Client, customer_id: str) -> None:
    link = await link_of(client, customer_id, "service_diary")
    refused = Markup((await send(stranger, link, 422, overall="4", matter="weather", story="x" * 3001)).text)
    assert len(refused.all("a", href="#q-matter-question") + refused.all("a", href="#q-story")) == 2
    await send(stranger, link, overall="4", matter="fault", settled="", waiting_time="2", story="<b>Slow</b> & late")
    rows = await all_pages(client, "/v1/feedback")
    assert {(row["dimension"], row["value"]) for row in rows} == {(None, 4), ("waiting_time", 2)}
    (invitation,) = await all_pages(client, "/v1/invitations")
    assert invitation["answers"].keys() == {"overall", "matter", "waiting_time", "story"}
    edit = await page(stranger, f"{link}?edit=1")
    assert edit.texts["textarea"] == ["<b>Slow</b> & late"]
    assert [found["id"] for _, found in edit.elements if "checked" in found] == [
        "q-matter-fault",
        "q-overall-4",
        "q-waiting_time-2",
    ]


async def test_sending_twice_is_harmless(client: Client, stranger: Client, customer_id: str) -> None:
    link = await link_of(client, customer_id)
    for _ in range(2):
        await send(stranger, link, recommend="9", _revision="0")
    assert len(await all_pages(client, "/v1/feedback")) == 1


async def test_sending_twice_at_once_is_harmless(served: FastAPI) -> None:
    async with open_client(served) as client:
        link = await link_of(client, (await make_customer(client, PHONE))["id"])
        await asyncio.gather(*(send(client, link, recommend="2", _revision="0") for _ in range(5)))
        assert len(await all_pages(client, "/v1/feedback")) == 1
        assert len((await client.get("/v1/recoveries")).json()["items"]) == 1


async def test_an_answer_can_be_changed_for_a_day(
    client: Client, stranger: Client, customer_id: str, database: SavepointDatabase
) -> None:
    link = await link_of(client, customer_id, "service_diary")
    await send(stranger, link, overall="1", waiting_time="3", story="Bad")
    (before,) = {row["feedback_id"] for row in await all_pages(client, "/v1/feedback")}
    form = await page(stranger, f"{link}?edit=1")
    (revision,) = [each["value"] for each in form.all("input", name="_revision")]
    changed = {"overall": "4", "waiting_time": "", "courtesy_and_listening": "5", "story": "Good after all"}
    await send(stranger, link, _revision=str(revision), **changed)
    rows = await all_pages(client, "/v1/feedback")
    assert {(row["dimension"], row["value"]) for row in rows} == {(None, 4), ("courtesy_and_listening", 5)}
    assert {(row["feedback_id"], row["comment"]) for row in rows} == {(before, "Good after all")}
    (recovery,) = (await client.get("/v1/recoveries")).json()["items"]
    assert (recovery["first_value"], recovery["second"]["value"], recovery["further_feedback_ids"]) == (1, 4, [])
    types = await database.driver.fetch("SELECT type FROM change WHERE type LIKE 'feedback.%' ORDER BY number")
    assert [each["type"] for each in types] == ["feedback.received", "feedback.updated"]
    assert (await get_file(client, customer_id))["feedback"]["averages"]["csat"]["value"] == 4


async def test_a_change_that_is_worse_opens_a_task(client: Client, stranger: Client, customer_id: str) -> None:
    link = await link_of(client, customer_id)
    await send(stranger, link, recommend="9")
    await send(stranger, link, recommend="3", _revision="1")
    await send(stranger, link, recommend="2", _revision="2")
    (recovery,) = (await client.get("/v1/recoveries")).json()["items"]
    assert (recovery["first_value"], recovery["second"]["value"]) == (3, 2)


async def test_a_second_answer_from_a_form_of_before_is_refused(
    client: Client, stranger: Client, customer_id: str
) -> None:
    link = await link_of(client, customer_id)
    await send(stranger, link, recommend="9", _revision="0")
    markup = Markup((await send(stranger, link, 409, recommend="3", _revision="0")).text)
    assert markup.all("a", href="?lang=en&edit=1")
    (row,) = await all_pages(client, "/v1/feedback")
    assert row["value"] == 9


async def test_after_a_day_it_is_used_up(
    client: Client, stranger: Client, customer_id: str, database: SavepointDatabase
) -> None:
    link = await link_of(client, customer_id, language="ar")
    await send(stranger, link, recommend="9")
    await database.driver.execute("UPDATE survey_invitation SET answered_at = now() - interval '24 hours'")
    for markup in (await page(stranger, link, 409), Markup((await send(stranger, link, 409, recommend="1")).text)):
        assert markup.all("html") == [{"lang": "ar", "dir": "rtl"}]
        assert markup.all("form") == []
    (row,) = await all_pages(client, "/v1/feedback")
    assert row["value"] == 9


async def test_an_expired_link_is_gone_for_good(
    client: Client, stranger: Client, customer_id: str, database: SavepointDatabase
) -> None:
    link = await link_of(client, customer_id)
    await database.driver.execute("UPDATE survey_invitation SET expires_at = now()")
    persian = {"Accept-Language": "fa-IR,fa;q=0.9"}
    assert (await page(stranger, link, 410, headers=persian)).texts["h1"] == ["مهلت این نظرسنجی تمام شده است"]
    await send(stranger, link, 410, recommend="9")
    assert await all_pages(client, "/v1/feedback") == []


@pytest.mark.parametrize("token", ["x", "a" * 5000, "%00", "%ed%a0%80", "%D9%81"])
async def test_an_unknown_link_is_a_page_in_the_visitors_language(stranger: Client, token: str) -> None:
    markup = await page(stranger, f"/s/{token}", 404, headers={"Accept-Language": "he"})
    assert markup.all("html") == [{"lang": "he", "dir": "rtl"}]
    assert (await stranger.post(f"/s/{token}", data={"recommend": "9"})).status_code == 404


@pytest.mark.parametrize("lines", [b"", b"\xff\xfe%zz&=&&", b"recommend=%ff", b"a=1&" * 500])
async def test_a_body_that_is_no_form_does_no_harm(
    client: Client, stranger: Client, customer_id: str, lines: bytes
) -> None:
    link = await link_of(client, customer_id)
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"):
        response = await stranger.post(link, content=lines, headers={"Content-Type": kind})
        assert response.status_code in (400, 422)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (await stranger.post(link, content=b"x" * 300_000)).status_code == 413


async def test_looking_where_the_link_leads_is_not_opening_it(
    client: Client, stranger: Client, customer_id: str
) -> None:
    async def opened() -> bool:
        (invitation,) = await all_pages(client, "/v1/invitations")
        return invitation["opened_at"] is not None

    link = await link_of(client, customer_id)
    assert (await stranger.head(link)).status_code == 200
    for headers in (
        {"User-Agent": "WhatsApp/2.23.20.0"},
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"Sec-Purpose": "prefetch;prerender"},
    ):
        await page(stranger, link, headers=headers)
        assert not await opened()
    await page(stranger, link, headers={"User-Agent": "Mozilla/5.0 (Linux; Android 4.4)"})
    assert await opened()


async def test_answers_keep_to_the_version_they_were_asked_by(
    client: Client, stranger: Client, customer_id: str
) -> None:
    survey = await make_survey(client, "nps")
    invitation = await invite(client, survey["id"], customer_id)
    questions = [survey["questions"][0] | {"key": "other"}]
    await client.patch(f"/v1/surveys/{survey['id']}", json={"questions": questions})
    await send(stranger, invitation["link"], recommend="9")
    shown = (await client.get(f"/v1/invitations/{invitation['id']}")).json()
    assert (shown["definition_version"], shown["answers"]) == (1, {"recommend": 9})


async def test_a_message_filed_elsewhere_since_is_not_what_the_answer_is_about(
    client: Client, stranger: Client, customer_id: str
) -> None:
    touch = await tell(client, PHONE)
    link = await link_of(client, customer_id, interaction_id=touch["id"])
    other = await make_customer(client, ("email", "b@example.ir"))
    await client.post(f"/v1/interactions/{touch['id']}/file", json={"customer_id": other["id"]})
    await send(stranger, link, recommend="9")
    (row,) = await all_pages(client, "/v1/feedback")
    assert (row["customer_id"], row["interaction_id"]) == (customer_id, None)

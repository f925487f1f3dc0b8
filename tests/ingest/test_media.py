"""Files, mails and subscriptions that are fetched from providers after their webhook was answered."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.fetching import Fetcher
from app.core.jobs import MAX_ATTEMPTS, drain
from app.core.storage import Storage
from app.ingest import endpoints
from app.ingest.fetching import handlers
from tests.channels.samples import Sample, sample
from tests.conftest import open_client
from tests.core.test_errors import assert_problem
from tests.factories import make_source

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0\x1f\x15\xc4\x89"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
MMS = sample("twilio_sms", "two_files")
MMS_FILES = (
    "https://api.twilio.com/2010-04-01/Accounts/AC0f/Messages/MM2/Media/ME2",
    "https://api.twilio.com/2010-04-01/Accounts/AC0f/Messages/MM3/Media/ME3",
)
MAIL = sample("resend", "received")
MAIL_URL = "https://api.resend.com/emails/receiving/56761188-0000-4111-8222-ff6fc54ce618?html_format=cid"
MAIL_FILE = "https://api.resend.com/emails/receiving/56761188-0000-4111-8222-ff6fc54ce618/attachments/2a0c9ce0-3112"
SUBSCRIPTION = sample("aws_sns", "confirmation")
TELEGRAM = "https://api.telegram.org"


class Providers:
    """What they serve, by URL, and what they were asked; everything else is 404."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | int] = {}
        self.asked: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        served = self.files.get(self.url(request), 404)
        if isinstance(served, int):
            return httpx.Response(served)
        return httpx.Response(200, content=served)

    @staticmethod
    def url(request: httpx.Request) -> str:
        return f"https://{request.headers['host']}{request.url.raw_path.decode()}"

    @property
    def urls(self) -> list[str]:
        return [self.url(request) for request in self.asked]


@pytest.fixture
async def providers(served: FastAPI, tmp_path: Path) -> AsyncIterator[Providers]:
    providers = Providers()

    async def resolve(host: str) -> list[str]:
        return ["93.184.215.14"]

    fetcher = Fetcher(max_bytes=1_000_000, transport=httpx.MockTransport(providers.answer), resolver=resolve)
    served.state.intake = replace(served.state.intake, fetcher=fetcher, storage=Storage(str(tmp_path / "media")))
    yield providers
    await fetcher.close()


@pytest.fixture
async def client(served: FastAPI, providers: Providers) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(served) as client:
        yield client


class Desk:
    """A connected source, its deliveries and the jobs they leave."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.client = client
        self.monkeypatch = monkeypatch

    async def connect(self, sample: Sample, **changes: Any) -> None:
        source = {name: value for name, value in sample.data["source"].items() if value is not None}
        fields = {"name": "sample", "public_url": sample.public_url} | source | changes
        await make_source(self.client, sample.provider, **fields)

    async def deliver(self, sample: Sample) -> None:
        received_at = datetime.fromisoformat(sample.data["received_at"])
        self.monkeypatch.setattr(endpoints, "now", lambda: received_at)
        response = await self.client.request(**sample.as_httpx("sample"))
        assert response.is_success, response.text

    async def do_jobs(self) -> None:
        await drain(self.app.state.database, handlers(self.app.state.intake))

    async def do_jobs_to_the_last(self) -> None:
        """Every attempt, as if its time had come."""
        for _ in range(MAX_ATTEMPTS + 1):
            await self.do_jobs()
            await self.run("UPDATE pgqueuer SET execute_after = now()")

    async def run(self, statement: str) -> Any:
        async with self.app.state.database.session() as session:
            result = await session.execute(text(statement))
            return result.scalar() if result.returns_rows else None

    async def jobs(self) -> int:
        return int(await self.run("SELECT count(*) FROM pgqueuer WHERE entrypoint <> 'find_duplicates'"))

    async def interaction(self) -> dict[str, Any]:
        (item,) = (await self.client.get("/v1/interactions")).json()["items"]
        return dict((await self.client.get(f"/v1/interactions/{item['id']}")).json())

    async def attachments(self) -> list[dict[str, Any]]:
        return list((await self.interaction())["attachments"])

    async def file(self, attachment: Mapping[str, Any]) -> httpx.Response:
        return await self.client.get(f"/v1/attachments/{attachment['id']}")

    async def request(self) -> dict[str, Any]:
        (request,) = (await self.client.get("/v1/inbound-requests")).json()["items"]
        return dict(request)


@pytest.fixture
def desk(served: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(served, client, monkeypatch)


def stored_files(app: FastAPI) -> list[Path]:
    root = Path(app.state.intake.storage._root)
    return [path for path in root.rglob("*") if path.is_file()]


async def test_files_are_pending_until_their_jobs_have_fetched_them(desk: Desk, providers: Providers) -> None:
    providers.files |= {MMS_FILES[0]: PNG, MMS_FILES[1]: PDF}
    await desk.connect(MMS)
    await desk.deliver(MMS)
    before = await desk.interaction()
    assert [each["state"] for each in before["attachments"]] == ["pending", "pending"]
    assert providers.asked == []
    for attachment in before["attachments"]:
        assert_problem(await desk.file(attachment), 409, "attachment_pending")
    await desk.do_jobs()
    after = await desk.interaction()
    assert [(each["state"], each["content_type"], each["size"]) for each in after["attachments"]] == [
        ("stored", "image/png", len(PNG)),
        ("stored", "application/pdf", len(PDF)),
    ]
    assert [each["id"] for each in after["attachments"]] == [each["id"] for each in before["attachments"]]
    assert after["version"] > before["version"]
    responses = [await desk.file(attachment) for attachment in after["attachments"]]
    assert [response.content for response in responses] == [PNG, PDF]
    assert {response.headers["x-content-type-options"] for response in responses} == {"nosniff"}
    assert await desk.jobs() == 0


async def test_twilio_is_asked_with_the_accounts_own_credentials(desk: Desk, providers: Providers) -> None:
    providers.files |= {MMS_FILES[0]: PNG, MMS_FILES[1]: PDF}
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.do_jobs()
    assert sorted(providers.urls) == sorted(MMS_FILES)
    expected = httpx.BasicAuth("AC0f", MMS.data["source"]["credentials"]["auth_token"])._auth_header
    assert {request.headers["authorization"] for request in providers.asked} == {expected}


async def test_a_redelivery_fetches_nothing_again(desk: Desk, providers: Providers) -> None:
    providers.files |= {MMS_FILES[0]: PNG, MMS_FILES[1]: PDF}
    await desk.connect(MMS)
    for _ in range(2):
        await desk.deliver(MMS)
        await desk.do_jobs()
    assert len(providers.asked) == 2
    assert len(await desk.attachments()) == 2


async def test_the_same_file_twice_is_kept_once(desk: Desk, providers: Providers, served: FastAPI) -> None:
    providers.files |= dict.fromkeys(MMS_FILES, PNG)
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.do_jobs()
    assert [each["state"] for each in await desk.attachments()] == ["stored", "stored"]
    assert len(stored_files(served)) == 1


async def test_a_file_that_is_not_there_yet_is_asked_for_again(desk: Desk, providers: Providers) -> None:
    providers.files[MMS_FILES[1]] = PDF
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.do_jobs()
    assert [each["state"] for each in await desk.attachments()] == ["pending", "stored"]
    providers.files[MMS_FILES[0]] = PNG
    await desk.run("UPDATE pgqueuer SET execute_after = now()")
    await desk.do_jobs()
    assert [each["state"] for each in await desk.attachments()] == ["stored", "stored"]


async def test_a_file_that_never_comes_is_marked_failed_after_the_last_attempt(
    desk: Desk, providers: Providers
) -> None:
    providers.files[MMS_FILES[1]] = PDF
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.do_jobs_to_the_last()
    failed, stored = await desk.attachments()
    assert (failed["state"], stored["state"]) == ("failed", "stored")
    problem = assert_problem(await desk.file(failed), 410, "attachment_failed")
    assert "status 404" in problem["detail"]
    assert providers.urls.count(MMS_FILES[0]) == MAX_ATTEMPTS + 1
    assert await desk.jobs() == 0


async def test_a_file_that_is_denied_is_marked_failed_at_once(desk: Desk, providers: Providers) -> None:
    providers.files |= {MMS_FILES[0]: 401, MMS_FILES[1]: b"x" * 1_000_001}
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.do_jobs()
    attachments = await desk.attachments()
    assert [each["state"] for each in attachments] == ["failed", "failed"]
    details = [assert_problem(await desk.file(each), 410, "attachment_failed")["detail"] for each in attachments]
    assert ["status 401" in details[0], "too large" in details[1]] == [True, True]
    assert await desk.jobs() == 0


async def test_files_of_a_source_that_is_gone_are_marked_failed(desk: Desk, providers: Providers) -> None:
    await desk.connect(MMS)
    await desk.deliver(MMS)
    await desk.run("DELETE FROM source")
    desk.app.state.intake.sources._known.clear()
    await desk.do_jobs()
    assert {each["state"] for each in await desk.attachments()} == {"failed"}
    assert (providers.asked, await desk.jobs()) == ([], 0)


async def test_a_store_that_fails_to_the_last_leaves_no_file_pending(
    desk: Desk, providers: Providers, served: FastAPI, tmp_path: Path
) -> None:
    providers.files |= dict.fromkeys(MMS_FILES, PNG)
    await desk.connect(MMS)
    await desk.deliver(MMS)
    (tmp_path / "blocked").write_bytes(b"a file where a directory should be")
    served.state.intake = replace(served.state.intake, storage=Storage(str(tmp_path / "blocked")))
    await desk.do_jobs_to_the_last()
    attachments = await desk.attachments()
    assert {each["state"] for each in attachments} == {"failed"}
    assert str(tmp_path) not in (await desk.file(attachments[0])).text


async def test_telegram_is_asked_where_a_file_lies_and_then_for_it(desk: Desk, providers: Providers) -> None:
    document = sample("telegram", "document")
    found = {"ok": True, "result": {"file_id": "BQA-1", "file_path": "documents/file 7.pdf"}}
    asked = [
        f"{TELEGRAM}/bot12:secret/getFile?file_id=BQA-1",
        f"{TELEGRAM}/file/bot12:secret/documents/file%207.pdf",
    ]
    providers.files |= {asked[0]: json.dumps(found).encode(), asked[1]: PDF}
    await desk.connect(document, credentials={"secret_token": "Nowruz_1405-bot", "bot_token": "12:secret"})
    await desk.deliver(document)
    await desk.do_jobs()
    (attachment,) = await desk.attachments()
    assert (attachment["state"], attachment["name"]) == ("stored", "رسید.pdf")
    assert (await desk.file(attachment)).content == PDF
    assert providers.urls == asked


async def test_without_the_credential_it_takes_a_file_is_not_asked_for(desk: Desk, providers: Providers) -> None:
    document = sample("telegram", "document")
    await desk.connect(document)
    await desk.deliver(document)
    await desk.do_jobs()
    (attachment,) = await desk.attachments()
    assert attachment["state"] == "failed"
    detail = assert_problem(await desk.file(attachment), 410, "attachment_failed")["detail"]
    assert "bot_token" in detail
    assert (providers.asked, await desk.jobs()) == ([], 0)


async def test_an_answer_the_adapter_cannot_read_is_asked_for_again(desk: Desk, providers: Providers) -> None:
    document = sample("telegram", "document")
    providers.files[f"{TELEGRAM}/bot12:secret/getFile?file_id=BQA-1"] = b"busy"
    await desk.connect(document, credentials={"secret_token": "Nowruz_1405-bot", "bot_token": "12:secret"})
    await desk.deliver(document)
    await desk.do_jobs()
    assert ([each["state"] for each in await desk.attachments()], await desk.jobs()) == (["pending"], 1)


def raw_mail(*files: tuple[bytes, str]) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = "نگار <negar@kunde.example>", "office@in.onefile.example"
    mail["Subject"], mail["Message-ID"] = "پرسش", "<rs-1@kunde.example>"
    mail.set_content("سلام، این نقشه است.")
    for content, name in files:
        mail.add_attachment(content, maintype="image", subtype="png", filename=name)
    return mail.as_bytes()


async def test_files_that_come_with_a_mail_are_stored_at_once(
    desk: Desk, providers: Providers, served: FastAPI
) -> None:
    await make_source(desk.client, "raw_mime", name="mail", credentials={"username": "relay", "password": "12345"})
    mail = raw_mail((PNG, "نقشه.png"), (PNG, "again.png"))
    headers = {"Content-Type": "message/rfc822"}
    response = await desk.client.post("/v1/ingest/mail", content=mail, headers=headers, auth=("relay", "12345"))
    assert response.is_success, response.text
    attachments = await desk.attachments()
    assert [(each["name"], each["state"], each["size"]) for each in attachments] == [
        ("نقشه.png", "stored", len(PNG)),
        ("again.png", "stored", len(PNG)),
    ]
    assert [(await desk.file(each)).content for each in attachments] == [PNG, PNG]
    assert (await desk.jobs(), len(stored_files(served))) == (0, 1)


def serve_mail(providers: Providers, **told: Any) -> None:
    whole = {"object": "email", "id": MAIL.expected[0]["external_id"], "from": "negar@kunde.example"}
    providers.files[MAIL_URL] = json.dumps(whole | {"subject": "پرسش", "text": "Where is the plan?"} | told).encode()


async def test_a_mail_that_was_only_announced_is_completed(desk: Desk, providers: Providers) -> None:
    file = {"id": "2a0c9ce0-3112", "filename": "plan.png", "content_type": "image/png", "content_id": "img001"}
    serve_mail(providers, html="<p>Where is the plan?</p>", attachments=[file])
    providers.files[MAIL_FILE] = b'{"download_url": "https://inbound-cdn.resend.com/plan"}'
    providers.files["https://inbound-cdn.resend.com/plan"] = PNG
    await desk.connect(MAIL)
    await desk.deliver(MAIL)
    assert (await desk.interaction())["text"] == ""
    await desk.do_jobs()
    mail = await desk.interaction()
    assert (mail["text"], mail["subject"]) == ("Where is the plan?", "پرسش")
    assert "Where is the plan?" in mail["html"]
    assert [(each["name"], each["state"]) for each in mail["attachments"]] == [("plan.png", "stored")]
    keys = {request.headers.get("authorization") for request in providers.asked if "api." in request.headers["host"]}
    assert keys == {"Bearer re_test"}
    assert "authorization" not in providers.asked[providers.urls.index("https://inbound-cdn.resend.com/plan")].headers


async def test_files_in_a_completed_mail_take_the_place_of_the_announced(
    desk: Desk, providers: Providers, served: FastAPI
) -> None:
    serve_mail(providers, raw={"download_url": "https://inbound-cdn.resend.com/raw"})
    providers.files["https://inbound-cdn.resend.com/raw"] = raw_mail((PNG, "plan.png"), (PDF, "two.png"))
    await desk.connect(MAIL)
    await desk.deliver(MAIL)
    await desk.do_jobs_to_the_last()
    mail = await desk.interaction()
    assert mail["text"].startswith("سلام")
    assert [(each["name"], each["state"]) for each in mail["attachments"]] == [
        ("plan.png", "stored"),
        ("two.png", "stored"),
    ]
    assert [(await desk.file(each)).content for each in mail["attachments"]] == [PNG, PDF]
    assert await desk.run("SELECT count(*) FROM attachment") == 2


async def test_completing_twice_changes_nothing(desk: Desk, providers: Providers) -> None:
    serve_mail(providers, raw={"download_url": "https://inbound-cdn.resend.com/raw"})
    providers.files["https://inbound-cdn.resend.com/raw"] = raw_mail((PNG, "plan.png"), (PNG, "again.png"))
    await desk.connect(MAIL)
    await desk.deliver(MAIL)
    await desk.do_jobs()
    once = await desk.interaction()
    again = "INSERT INTO pgqueuer (priority, status, entrypoint, payload) SELECT 0, 'queued', 'complete_message', "
    await desk.run(f"{again} convert_to(id::text, 'UTF8') FROM interaction")
    await desk.do_jobs()
    twice = await desk.interaction()
    shown = ("name", "size", "state", "content_type")
    assert [[each[name] for name in shown] for each in twice["attachments"]] == [
        [each[name] for name in shown] for each in once["attachments"]
    ]
    assert (twice["text"], twice["html"]) == (once["text"], once["html"])
    assert await desk.run("SELECT count(*) FROM attachment") == 2


async def test_a_mail_that_cannot_be_completed_says_why(desk: Desk, providers: Providers) -> None:
    providers.files[MAIL_URL] = 403
    await desk.connect(MAIL)
    await desk.deliver(MAIL)
    await desk.do_jobs_to_the_last()
    request = await desk.request()
    assert (request["status"], request["reason"]) == ("filed", "not completed: status 403")
    assert providers.urls.count(MAIL_URL) == 1
    assert await desk.jobs() == 0


async def test_a_subscription_is_confirmed_by_its_job(desk: Desk, providers: Providers) -> None:
    (confirmation,) = SUBSCRIPTION.expected
    providers.files |= {**SUBSCRIPTION.resources, confirmation["url"]: b"<ConfirmSubscriptionResponse/>"}
    await desk.connect(SUBSCRIPTION)
    await desk.deliver(SUBSCRIPTION)
    assert confirmation["url"] not in providers.urls
    await desk.do_jobs()
    assert providers.urls.count(confirmation["url"]) == 1
    assert (await desk.request())["reason"] == "subscription, confirmed"
    await desk.deliver(SUBSCRIPTION)
    await desk.do_jobs()
    assert providers.urls.count(confirmation["url"]) == 1


async def test_a_subscription_that_cannot_be_confirmed_says_why(desk: Desk, providers: Providers) -> None:
    (confirmation,) = SUBSCRIPTION.expected
    providers.files |= {**SUBSCRIPTION.resources, confirmation["url"]: 403}
    await desk.connect(SUBSCRIPTION)
    await desk.deliver(SUBSCRIPTION)
    await desk.do_jobs()
    assert (await desk.request())["reason"] == "subscription, not confirmed: status 403"
    assert await desk.jobs() == 0


async def test_a_subscription_is_confirmed_nowhere_but_at_amazon(desk: Desk, providers: Providers) -> None:
    elsewhere = sample("aws_sns", "confirmation_elsewhere")
    providers.files |= elsewhere.resources
    await desk.connect(elsewhere)
    await desk.deliver(elsewhere)
    await desk.do_jobs()
    assert set(providers.urls) == set(elsewhere.resources)
    assert await desk.jobs() == 0

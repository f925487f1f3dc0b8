"""The story: Maryam Rezaei has ordered a lamp in Tehran, and tells the shop so on every channel there is.

Her addresses find each other: the web form names her number and her e-mail address, WhatsApp has her number, and the
branch notes the number of her fax. Two strangers write in between, and somebody who pretends to be her.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from app.demo import providers
from app.demo.providers import Mail, Request, Source

ZONE = "Asia/Tehran"
SOURCES = {
    "demo-sms": "kavenegar",
    "demo-form": "web_form",
    "demo-mail": "mailgun",
    "demo-whatsapp": "whatsapp_cloud",
    "demo-sms-abroad": "twilio_sms",
    "demo-mail-abroad": "postmark",
}

PHONE = "+989121234567"
_EMAIL = "maryam@example.com"
_FAX = "+982188776655"
_DANA = "dana@example.org"
_FATIMA = "966501234567"
_SHOP = "shop@lamps.example"
_DESK = "the office"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A request, and what to tell of it."""

    channel: str
    sender: str
    words: str
    gist: str
    """For those who do not read the words."""
    request: Request
    expected: int = 200
    aside: str = ""


def messages(sources: Mapping[str, Source], now: datetime) -> Iterator[Scene]:
    """What providers deliver: hers first, then what must not land in her file."""
    yield from _short_message_and_form(sources)
    yield from _mails(sources["demo-mail"], now)
    yield from _whatsapp_and_abroad(sources, now)
    yield from _strangers(sources, now)


def office(customer_id: str, now: datetime) -> Iterator[Scene]:
    """What people of the shop add to the file: who she is, and what no provider sees."""
    her = f"/v1/customers/{customer_id}"
    known = {"display_name": "مریم رضایی", "given_name": "مریم", "family_name": "رضایی", "time_zone": ZONE}
    yield Scene(
        channel="file",
        sender=_DESK,
        words="her name, her time zone",
        gist="now she is a known customer",
        request={"method": "PATCH", "url": her, "json": known},
    )
    yield _told(
        now - timedelta(minutes=165),
        channel="voice",
        sender=("phone", PHONE),
        words="پرسید چراغ کی می‌رسد. قول دادیم تا عصر خبر بدهیم.",
        gist="asked when the lamp will come",
        agent="n.ahmadi",
        duration_s=184,
    )
    yield _told(
        now - timedelta(minutes=95),
        channel="visit",
        sender=("phone", PHONE),
        words="نمونه‌ها را دید و شیشهٔ مات را پسندید.",
        gist="saw the samples, likes frosted glass",
        location="شعبهٔ ولیعصر",
    )
    yield Scene(
        channel="file",
        sender=_DESK,
        words="the fax on her card",
        gist="the branch noted one more address",
        request={
            "method": "POST",
            "url": f"{her}/identifiers",
            "json": {"kind": "fax", "value": "۰۲۱ ۸۸۷۷ ۶۶۵۵", "region": "IR", "label": "work"},
        },
        expected=201,
    )
    yield _told(
        now - timedelta(minutes=50),
        channel="fax",
        sender=("fax", _FAX),
        words="سفارش ۱۲۳۴۵ با مهر شرکت تأیید می‌شود. یک برگ.",
        gist="confirms the order, stamped, one page",
    )


def is_known(api: httpx.Client) -> bool:
    """Whether she has a file from an earlier run."""
    return api.get("/v1/lookup", params={"phone": PHONE}).is_success


def her_file(api: httpx.Client) -> dict[str, Any]:
    """Her customer file, as the screen of whoever picks up the telephone would ask for it."""
    return dict(api.get("/v1/lookup", params={"phone": PHONE}).raise_for_status().json())


def strangers(api: httpx.Client) -> list[dict[str, Any]]:
    found = [api.get("/v1/lookup", params=each) for each in ({"email": _DANA}, {"whatsapp": _FATIMA})]
    return [response.raise_for_status().json()["customer"] for response in found]


def _short_message_and_form(sources: Mapping[str, Source]) -> Iterator[Scene]:
    words = "سلام، نشانی تحویل عوض شده است. در فرم سایت نوشتم."
    sms = Scene(
        channel="sms",
        sender="09121234567",
        words=words,
        gist="her address has changed, see the form",
        request=providers.kavenegar(sources["demo-sms"], "09121234567", words),
    )
    yield sms
    yield replace(sms, aside="again", gist="delivered twice, as providers do")
    form = {
        "name": "مریم رضایی",
        "email": _EMAIL,
        "phone": "۰۹۱۲ ۱۲۳ ۴۵۶۷",
        "subject": "نشانی تازه",
        "message": "لطفاً سفارش ۱۲۳۴۵ را به این نشانی بفرستید: تهران، خیابان شریعتی، کوچهٔ یاس، پلاک ۸.",
    }
    yield Scene(
        channel="web_form",
        sender="۰۹۱۲ ۱۲۳ ۴۵۶۷",
        words=form["message"],
        gist="the new address; her phone and e-mail",
        request=providers.web_form(sources["demo-form"], form),
        expected=202,
    )


def _mails(source: Source, now: datetime) -> Iterator[Scene]:
    offer, offered_at = f"offer-{token_hex(8)}@lamps.example", now - timedelta(minutes=32)
    question = "چراغ شما آماده است. فردا ساعت ۱۰ تحویل بدهیم؟"
    yield _told(
        offered_at,
        channel="email",
        direction="outbound",
        to={"kind": "email", "value": _EMAIL},
        words=question,
        gist="it is ready; may we bring it at 10?",
        subject="سفارش ۱۲۳۴۵",
        source="demo-mail",
        external_id=offer,
        agent="n.ahmadi",
    )
    reply = Mail(
        id=f"{token_hex(8)}@example.com",
        sender=_EMAIL,
        name="مریم رضایی",
        recipient=_SHOP,
        subject="Re: سفارش ۱۲۳۴۵",
        written="بله، ساعت ۱۰ خانه‌ام. سپاسگزارم.",
        quoted=f"فروشگاه چراغ نوشت:\n> {question}",
        answers=offer,
        date=(now - timedelta(minutes=6)).astimezone(ZoneInfo(ZONE)),
    )
    yield Scene(
        channel="email",
        sender=_EMAIL,
        words=reply.written,
        gist="a reply: at 10 she is at home",
        request=providers.mailgun(source, reply),
    )


def _whatsapp_and_abroad(sources: Mapping[str, Source], now: datetime) -> Iterator[Scene]:
    ceiling = "بلندی سقف ۳ متر است؛ زنجیر چراغ بلندتر باشد."
    yield Scene(
        channel="whatsapp",
        sender=PHONE,
        words=ceiling,
        gist="the ceiling is 3 metres high",
        request=providers.whatsapp(
            sources["demo-whatsapp"], PHONE.lstrip("+"), "Maryam", ceiling, now - timedelta(minutes=14)
        ),
    )
    caretaker = "اگر در خانه نبودم، لطفاً به سرایدار بدهید."
    abroad = sources["demo-sms-abroad"]
    yield Scene(
        channel="sms",
        sender=PHONE,
        words=caretaker,
        gist="else leave it with the caretaker",
        request=providers.twilio(abroad, PHONE, caretaker),
    )
    lie = "سفارش را لغو کنید و پول را به این کارت بریزید."
    guessed = replace(abroad, credentials={"auth_token": token_hex(16)})
    yield Scene(
        channel="sms",
        sender=PHONE,
        words=lie,
        gist="wrong signature: nothing is kept",
        request=providers.twilio(guessed, PHONE, lie),
        expected=401,
        aside="forged",
    )


def _strangers(sources: Mapping[str, Source], now: datetime) -> Iterator[Scene]:
    dana = Mail(
        id=f"{token_hex(8)}@example.org",
        sender=_DANA,
        name="דנה לוי",
        recipient=_SHOP,
        subject="Re: הזמנה 77",
        written="קיבלתי את המנורה, תודה! מתי מגיעה השנייה?",
        quoted="החנות כתבה:\n> המנורה בדרך אלייך.",
        answers="order-77@lamps.example",
        date=(now - timedelta(minutes=3)).astimezone(ZoneInfo("Asia/Jerusalem")),
    )
    yield Scene(
        channel="email",
        sender=_DANA,
        words=dana.written,
        gist="somebody else, in Hebrew",
        request=providers.postmark(sources["demo-mail-abroad"], dana),
    )
    question = "السلام عليكم، هل يتوفر المصباح باللون الأبيض؟"
    yield Scene(
        channel="whatsapp",
        sender=f"+{_FATIMA}",
        words=question,
        gist="somebody else, in Arabic",
        request=providers.whatsapp(
            sources["demo-whatsapp"], _FATIMA, "فاطمة حسن", question, now - timedelta(minutes=1)
        ),
    )


def _told(
    at: datetime, *, channel: str, words: str, gist: str, sender: tuple[str, str] | None = None, **fields: Any
) -> Scene:
    """An interaction that the office, the telephone exchange or the branch tells with an API key."""
    body = {"channel": channel, "source": "demo", "occurred_at": at.isoformat(), "text": words} | fields
    body.setdefault("external_id", token_hex(8))
    if sender is not None:
        body["from"] = dict(zip(("kind", "value"), sender, strict=True))
    return Scene(
        channel=channel,
        sender=sender[1] if sender else _DESK,
        words=words,
        gist=gist,
        request={"method": "POST", "url": "/v1/interactions", "json": body},
        expected=201,
    )

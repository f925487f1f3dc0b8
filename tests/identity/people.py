"""Invented people as several systems might know them: slips, gaps, other scripts, moves, and whole households."""

import random
from dataclasses import dataclass, field
from typing import Any

_GIVEN = {
    "fa": (
        "علی:Ali محمد:Mohammad زهرا:Zahra حسین:Hossein فاطمه:Fatemeh رضا:Reza مریم:Maryam امیر:Amir "
        "نرگس:Narges مهدی:Mehdi شیرین:Shirin سعید:Saeed پروانه:Parvaneh کامران:Kamran لیلا:Leila بهرام:Bahram "
        "مینا:Mina داریوش:Dariush ثریا:Soraya فرهاد:Farhad نسرین:Nasrin منوچهر:Manouchehr گلناز:Golnaz "
        "یوسف:Yousef"
    ),
    "ar": (
        "أحمد:Ahmed خالد:Khaled محمود:Mahmoud عائشة:Aisha إبراهيم:Ibrahim كريم:Karim سلمى:Salma طارق:Tariq "
        "نجيب:Najib ليلى:Layla سمير:Samir جميلة:Jamila عمر:Omar رانيا:Rania منصور:Mansour هالة:Hala "
        "بسام:Bassam دلال:Dalal"
    ),
    "he": (
        "משה:Moshe אברהם:Avraham שרה:Sarah דוד:David יעל:Yael נועם:Noam תמר:Tamar יצחק:Yitzhak רחל:Rachel "
        "שמעון:Shimon מיכל:Michal אליהו:Eliyahu דבורה:Dvora גדעון:Gideon"
    ),
    "en": (
        "James Mary Robert Patricia John Jennifer Michael Linda William Elizabeth Richard Barbara Susan "
        "Joseph Jessica Thomas Karen Charles Nancy Daniel Lisa Matthew Betty Anthony Margaret Donald Sandra "
        "Steven Ashley Edmund Philippa Gareth Rosalind Winston Beatrix Clement Imogen"
    ),
}
_FAMILY = {
    "fa": (
        "رضایی:Rezaei محمدی:Mohammadi حسینی:Hosseini کریمی:Karimi احمدی:Ahmadi موسوی:Mousavi جعفری:Jafari "
        "نوری:Nouri شریفی:Sharifi بهرامی:Bahrami فرزین:Farzin خسروی:Khosravi منصوری:Mansouri پارسا:Parsa "
        "یزدانی:Yazdani سلطانی:Soltani گلستانی:Golestani تبریزی:Tabrizi شمس:Shams فروتن:Foroutan"
    ),
    "ar": (
        "حداد:Haddad منصور:Mansour خوري:Khoury صالح:Saleh ناصر:Nasser حمدان:Hamdan قاسم:Qasim بركات:Barakat "
        "شاهين:Shahin الراوي:Alrawi درويش:Darwish زيدان:Zidan نجار:Najjar عثمان:Othman ملكي:Maliki"
    ),
    "he": (
        "כהן:Cohen לוי:Levi מזרחי:Mizrahi פרץ:Peretz ביטון:Biton דהן:Dahan אברהמי:Avrahami פרידמן:Friedman "
        "שפירא:Shapira רוזנברג:Rosenberg גולדשטיין:Goldstein סגל:Segal"
    ),
    "en": (
        "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Wright Walker White Thompson Hughes "
        "Edwards Green Hall Wood Harris Lewis Martin Jackson Clarke Fairweather Ormerod Lockhart Penhaligon "
        "Ravenscroft Whitlock Yarwood Satterthwaite Quennell"
    ),
}
_STREETS = "Station Church Park Victoria Green Manor Kings Queens Mill School Garden River Lake Hill Valley Orchard"
_PLACES = [
    ("Northfield", "N"),
    ("Easton", "E"),
    ("Westbury", "W"),
    ("Southgate", "S"),
    ("Midvale", "M"),
    ("Overton", "O"),
]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Known:
    """One customer as one system wrote it down; `person` is the truth, which the service never sees."""

    person: int
    body: dict[str, Any] = field(default_factory=dict)


def population(households: int, *, seed: int = 1) -> list[Known]:
    """About three people to a household, every second one known more than once."""
    chance = random.Random(seed)
    found: list[Known] = []
    person = 0
    for _ in range(households):
        for body in _household(chance):
            found.append(Known(person, body))
            found += [Known(person, _again(chance, body)) for _ in range(chance.choice((0, 0, 0, 1, 1, 2)))]
            person += 1
    chance.shuffle(found)
    return found


def _household(chance: random.Random) -> list[dict[str, Any]]:
    """People who share surname, address and now and then a telephone; twins and juniors among them."""
    language = chance.choice(("en", "en", "fa", "ar", "he"))
    family = _pick(chance, _FAMILY[language])
    place, letter = chance.choice(_PLACES)
    district = chance.randint(1, 40)
    address = {
        "street": f"{_house(chance)} {chance.choice(('Road', 'Street', 'Lane'))}",
        "city": place,
        "postcode": f"{letter}{district:02} {district * 7 % 10}{letter}{chance.choice('ABD')}",
    }
    landline = _phone(chance)
    twins = _birth(chance, 1990, 2008) if chance.random() < 0.15 else None
    names = _different(chance, _GIVEN[language], 4)
    members = []
    for number in range(chance.choice((1, 2, 3, 4))):
        given = names[0] if number == 3 and chance.random() < 0.15 else names[number]
        birth = twins if twins and number >= 2 else _birth(chance, *((1940, 1980) if number < 2 else (1980, 2008)))
        members.append(_body(chance, given, family, birth, address, landline))
    return members


def _body(
    chance: random.Random, given: str, family: str, birth: str, address: dict[str, str], landline: str
) -> dict[str, Any]:
    latin = f"{given.rpartition(':')[2]}.{family.rpartition(':')[2]}".lower()
    body: dict[str, Any] = {
        "given_name": given,
        "family_name": family,
        "attributes": {"date_of_birth": birth, **address, "segment": chance.choice(("retail", "business"))},
    }
    if chance.random() < 0.7:
        body["attributes"]["contact_email"] = (
            f"{latin}{chance.randint(1, 9999)}@{chance.choice(('mail', 'post'))}.example"
        )
    if chance.random() < 0.7:
        body["attributes"]["mobile"] = _phone(chance)
    elif chance.random() < 0.6:
        body["attributes"]["phone"] = landline
    return body


def _again(chance: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """The same person in another system: up to four things differ."""
    copy = {**body, "attributes": dict(body["attributes"])}
    for change in chance.sample(_CHANGES, chance.choice((1, 2, 2, 3, 4))):
        change(chance, copy)
    return copy


def written(known: Known, chance: random.Random) -> dict[str, Any]:
    """As it goes to the API: each name in one of its scripts."""
    body = dict(known.body)
    latin = chance.random() < 0.4
    for name in ("given_name", "family_name"):
        own, _, other = (body.get(name) or "").partition(":")
        body[name] = (other if latin and other else own) or None
    return body


def _slip_name(chance: random.Random, body: dict[str, Any]) -> None:
    name = chance.choice(("given_name", "family_name"))
    if body.get(name):
        own, colon, other = body[name].partition(":")
        body[name] = _slip(chance, own) + colon + (_slip(chance, other) if other else "")


def _swap_names(chance: random.Random, body: dict[str, Any]) -> None:
    body["given_name"], body["family_name"] = body["family_name"], body["given_name"]


def _slip_birth(chance: random.Random, body: dict[str, Any]) -> None:
    year, month, day = body["attributes"].get("date_of_birth", "1970-01-01").split("-")
    body["attributes"]["date_of_birth"] = chance.choice(
        (
            f"{year}-{day}-{month}" if day <= "12" else f"{year}-{month}-01",
            f"{year[:3]}{chance.randint(0, 9)}-{month}-{day}",
        )
    )


def _drop(chance: random.Random, body: dict[str, Any]) -> None:
    body["attributes"].pop(chance.choice(list(body["attributes"])), None)


def _move_house(chance: random.Random, body: dict[str, Any]) -> None:
    place, letter = chance.choice(_PLACES)
    body["attributes"] |= {
        "street": f"{_house(chance)} Close",
        "city": place,
        "postcode": f"{letter}{chance.randint(1, 40):02} {chance.randint(1, 9)}{letter}X",
    }


def _slip_text(chance: random.Random, body: dict[str, Any]) -> None:
    name = chance.choice([name for name in body["attributes"] if name not in ("date_of_birth", "segment")])
    body["attributes"][name] = _slip(chance, body["attributes"][name])


def _new_number(chance: random.Random, body: dict[str, Any]) -> None:
    body["attributes"]["mobile"] = _phone(chance)


_CHANGES = [_slip_name, _slip_name, _swap_names, _slip_birth, _drop, _drop, _move_house, _slip_text, _new_number]


def _slip(chance: random.Random, text: str) -> str:
    """One letter left out, doubled, changed, or in its neighbour's place."""
    if len(text) < 4:
        return text
    at = chance.randrange(1, len(text) - 1)
    return chance.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + (chance.choice(_LETTERS) if text.isascii() else text[0]) + text[at + 1 :],
        )
    )


def _pick(chance: random.Random, names: str) -> str:
    """Common names first: the further back, the rarer."""
    each = names.split()
    return each[min(int(chance.expovariate(3 / len(each))), len(each) - 1)]


def _house(chance: random.Random) -> str:
    return f"{chance.randint(1, 150)} {chance.choice(_STREETS.split())}"


def _different(chance: random.Random, names: str, wanted: int) -> list[str]:
    found: list[str] = []
    while len(found) < wanted:
        if (name := _pick(chance, names)) not in found:
            found.append(name)
    return found


def _birth(chance: random.Random, first: int, last: int) -> str:
    return f"{chance.randint(first, last)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def _phone(chance: random.Random) -> str:
    return f"+447{chance.randint(0, 10**9 - 1):09}"
